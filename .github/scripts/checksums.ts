import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The file with the checksums itself is not in it. */
export const checksumFile = 'SHA256SUMS'

/** The checksums of all files of a folder, as `sha256sum --check` reads them. @throws Error if there is no file */
export function checksums(folder: string): string {
  const names = readdirSync(folder)
    .filter((name) => !name.startsWith(checksumFile) && statSync(join(folder, name)).isFile())
    .toSorted()
  if (names.length === 0) throw new Error(`There is no file in ${folder}`)
  return names.map((name) => `${sha256(join(folder, name))}  ${name}\n`).join('')
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
