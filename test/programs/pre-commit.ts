// Run by `npm run test:pre-commit`: the commit hook as its users get it, by the real pre-commit, which installs the current
// commit into a new cache. It takes a minute and the npm registry. Without pre-commit on the PATH
// (pip install pre-commit) it does nothing.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { heldBack, nodeManifest, snapshot } from '../commands/check/in-a-repository.ts'
import { root } from '../fixtures/root.ts'

const folder = await mkdtemp(join(tmpdir(), 'holdfast-pre-commit-'))
const env = { ...process.env, PRE_COMMIT_HOME: join(folder, 'cache'), GIT_CONFIG_GLOBAL: '/dev/null' }

/** Runs a program in a folder. @throws Error if it cannot be started */
function run(at: string, program: string, ...args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: at, env, encoding: 'utf8' })
  if (error) throw error
  return { status, said: `${stdout}${stderr}` }
}

/** @throws Error if the program fails */
function must(at: string, program: string, ...args: readonly string[]): string {
  const { status, said } = run(at, program, ...args)
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${said}`)
  return said
}

/** The output of a commit of one file. */
async function commit(repository: string, name: string, content: string) {
  await writeFile(join(repository, name), content)
  must(repository, 'git', 'add', name)
  return run(repository, 'git', '-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-m', name)
}

/** @throws Error if it is not so */
function expect(holds: boolean, what: string, { said }: { readonly said: string }): void {
  if (!holds) throw new Error(`${what}: ${said}`)
  console.log(`ok: ${what}`)
}

async function tryTheHook(): Promise<void> {
  const repository = join(folder, 'repository')
  must(folder, 'git', 'init', '--quiet', repository)
  const hook = { id: 'holdfast-check', args: ['--snapshot', 'cluster.txt'] }
  const rev = must(root, 'git', 'rev-parse', 'HEAD').trim()
  const config = { repos: [{ repo: root, rev, hooks: [hook] }] }
  await writeFile(join(repository, '.pre-commit-config.yaml'), stringify(config))
  await writeFile(join(repository, 'cluster.txt'), snapshot)
  must(repository, 'git', 'add', '.')
  must(repository, 'pre-commit', 'install')
  const other = await commit(repository, 'other.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n')
  expect(other.status === 0, 'a commit without an object of Longhorn passes', other)
  const fine = await commit(repository, 'fine.yaml', nodeManifest('node-2', '  tags: [ssd]\n'))
  expect(fine.status === 0 && /holdfast check\.+Passed/.test(fine.said), 'a harmless change passes', fine)
  const held = await commit(repository, 'held.yaml', heldBack)
  const isReported = /held back .*held\.yaml:1[^]*rule eviction-during-cleanup/.test(held.said)
  expect(held.status === 1 && isReported, 'a change that would have to wait is not committed', held)
}

if (spawnSync('pre-commit', ['--version']).error) {
  console.log('Skipped: there is no pre-commit on the PATH (pip install pre-commit).')
} else {
  try {
    await tryTheHook()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
