import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { heldBack, nodeManifest, repository } from '../commands/check/in-a-repository.ts'
import { read } from '../docs/pages.ts'
import { run } from '../commands/holdfast.ts'

interface Hook {
  readonly id: string
  readonly entry: string
  readonly language: string
  readonly types_or: readonly string[]
}

const [hook] = parse(read('.pre-commit-hooks.yaml')) as readonly [Hook]

/** Runs the hook on files as pre-commit starts it: entry, arguments, files. */
async function hooked(snapshot: string, ...files: readonly string[]) {
  const [program, ...args] = hook.entry.split(' ')
  t.equal(program, 'holdfast')
  return await run([...args, '--snapshot', snapshot, ...files])
}

t.test('the hook stops a commit if a change in it would have to wait or cannot be read', async (t) => {
  const { root, write } = repository(t)
  const snapshot = join(root, 'cluster.txt')
  const held = await write('held.yaml', heldBack)
  const fine = await write('fine.yaml', nodeManifest('node-2', '  tags: [ssd]\n'))
  const pod = await write('pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n')
  const broken = await write('broken.yaml', 'kind: [\n')
  t.match(await hooked(snapshot, fine, held), { code: 1, stdout: /held back .*held\.yaml/ })
  t.match(await hooked(snapshot, broken), { code: 2, stdout: /cannot be judged .*broken\.yaml/ })
  t.match(await hooked(snapshot, fine, pod), { code: 0 })
  t.match(await hooked(snapshot, pod), { code: 0 }, 'most commits have no object of Longhorn')
  t.match(await hooked(join(root, 'gone.txt'), fine), { code: 2 }, 'without its snapshot it judges nothing')
})

t.test('package.json names the program that the hook starts, and the script that builds it', (t) => {
  const { bin, scripts } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  t.match(bin, { holdfast: 'dist/main.js' })
  t.match(scripts, { prepare: 'node test/runner/prepare.mjs' })
  t.match(hook, { language: 'node', types_or: ['yaml', 'json'] })
  t.end()
})
