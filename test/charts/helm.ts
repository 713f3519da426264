import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'

/** The environment of helm. Tests have no home, and newer versions of helm look for their own files in one. */
export const env = {
  ...process.env,
  HELM_CONFIG_HOME: tmpdir(),
  HELM_CACHE_HOME: tmpdir(),
  HELM_DATA_HOME: tmpdir(),
}

/** Runs helm with these arguments. @returns what came of it; `ok` is false too if there is no helm */
export function helm(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('helm', args, { encoding: 'utf8', env })
  return { ok: status === 0, stdout, stderr }
}

/** Why tests that need helm are skipped; false if they are not. */
export const skip = helm('version').ok ? false : 'there is no helm on the PATH'
