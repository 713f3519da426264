import { parse } from 'yaml'

/** JSON, or YAML as Go reads it (`yes` is true); undefined if it is neither, which the API server will say. */
export function readBodyText(body: Buffer): unknown {
  const text = body.toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch {
    return readYaml(text)
  }
}

function readYaml(text: string): unknown {
  try {
    return parse(text, { version: '1.1', maxAliasCount: 100 }) as unknown
  } catch {
    return undefined
  }
}
