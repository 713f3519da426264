import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

/** A file of the page, as it is sent. */
interface Asset {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

let read: ReadonlyMap<string, Asset> | undefined

/** The files of the page by name. The first request reads them, and they stay the same from then on. */
export function assets(): ReadonlyMap<string, Asset> {
  return (read ??= readAssets(join(import.meta.dirname, 'browser')))
}

/** The folder has only files for browsers. A request names a key of this map, and never a path. */
function readAssets(folder: string): ReadonlyMap<string, Asset> {
  const found = new Map<string, Asset>()
  for (const name of readdirSync(folder)) {
    const type = types[extname(name)]
    if (type === undefined) continue
    const body = readFileSync(join(folder, name))
    found.set(name, { body, type, etag: `"${createHash('sha256').update(body).digest('base64url')}"` })
  }
  return found
}
