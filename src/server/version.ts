import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Written into the bundle when it is built. */
declare const HOLDFAST_VERSION: string | undefined

/** The version of Holdfast, as in package.json. */
export function version(): string {
  if (typeof HOLDFAST_VERSION === 'string') return HOLDFAST_VERSION
  const manifest: unknown = JSON.parse(readFileSync(manifestAbove(import.meta.dirname), 'utf8'))
  const isManifest = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return isManifest ? String(manifest.version) : 'unknown'
}

/** Of the sources, which are some folders below it. */
function manifestAbove(folder: string): string {
  const path = join(folder, 'package.json')
  const above = dirname(folder)
  return existsSync(path) || above === folder ? path : manifestAbove(above)
}
