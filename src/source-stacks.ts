import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapping, type SourceMapPayload } from 'node:module'

/** A place in the bundle: folder, file, line and column. */
const place = /(file:\/\/\S*\/)([^/\s()]+\.js):(\d+):\d+/g

/**
 * Makes the function that shows the sources in a stack trace of the bundle: `src/gate/gate.ts:120` for each
 * place. With `--enable-source-maps` Node would read all maps at the start, which costs more than most
 * commands, and Node itself looks at a stack that no person sees each time that it ends a stream. So this
 * reads them for a stack that is shown.
 *
 * @param maps the source maps by file; the sources have none, and their stacks stay as they are
 */
export function sourceStacks(maps: URL): (stack: string) => string {
  const folder = new URL('.', maps).href
  const known = new Map<string, SourceMap | undefined>()
  let read: Readonly<Record<string, SourceMapPayload>> | undefined
  const mapOf = (file: string): SourceMap | undefined => {
    read ??= readMaps(maps)
    const map = known.get(file) ?? (read[file] && new SourceMap(read[file]))
    known.set(file, map)
    return map
  }
  return (stack) =>
    stack.replace(place, (shown: string, of: string, file: string, line: string) => {
      const entry: Partial<SourceMapping> | undefined =
        of === folder ? mapOf(file)?.findEntry(Number(line) - 1, 0) : undefined
      const { originalSource, originalLine } = entry ?? {}
      return originalSource === undefined || originalLine === undefined
        ? shown
        : `${originalSource}:${originalLine + 1}`
    })
}

/** No error may hide another: without readable maps there are none. */
function readMaps(maps: URL): Readonly<Record<string, SourceMapPayload>> {
  try {
    return JSON.parse(readFileSync(maps, 'utf8')) as Record<string, SourceMapPayload>
  } catch {
    return {}
  }
}
