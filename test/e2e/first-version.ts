import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { typescript } from '../fixtures/main.ts'
import { root } from '../fixtures/root.ts'

/** The first commit whose chart and guard were tried on a real API server. All of its parts are of 0.1.0, as the chart was made. */
const commit = 'b7db507'

/** An older version of the project, to install and to run. */
export interface OlderVersion {
  readonly chart: string
  /** The arguments with which `node` runs its `holdfast`. */
  readonly program: readonly string[]
}

/** Why there is no first version here; false if there is one: a clone can lack the history. */
export const withoutHistory =
  spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root }).status === 0
    ? false
    : 'this clone lacks the history'

/** Unpacks the first version. It runs with the packages of this one. @param folder that does not exist yet */
export function firstVersion(folder: string): OlderVersion {
  mkdirSync(folder, { recursive: true })
  const archive = spawnSync('git', ['archive', commit, 'src', 'charts', 'package.json'], {
    cwd: root,
    maxBuffer: 64 << 20,
  })
  if (archive.status !== 0) throw new Error(archive.stderr.toString())
  const unpacked = spawnSync('tar', ['-x', '-C', folder], { input: archive.stdout })
  if (unpacked.status !== 0) throw new Error(unpacked.stderr.toString())
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { chart: join(folder, 'charts/holdfast'), program: [typescript, join(folder, 'src/main.ts')] }
}
