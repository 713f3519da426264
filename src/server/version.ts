import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The version of Holdfast, as in package.json. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(manifestAbove(import.meta.dirname), 'utf8'))
  const isManifest = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return isManifest ? String(manifest.version) : 'unknown'
}

/** The sources are deeper below package.json than the bundle is. */
function manifestAbove(folder: string): string {
  const path = join(folder, 'package.json')
  const above = dirname(folder)
  return existsSync(path) || above === folder ? path : manifestAbove(above)
}
