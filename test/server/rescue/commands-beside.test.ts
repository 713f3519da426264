import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isDeepStrictEqual } from 'node:util'
import { kubeconfigFor } from '../../../src/sandbox/sandbox.ts'
import { run } from '../../commands/holdfast.ts'
import { none, rescuing, until } from './rescuing.ts'

const disk2 = { node: false, disks: ['disk-2'] }

/** A cluster in which the guard has cleared the flag of disk-2, and a command line. */
async function cleared(t: Test) {
  const world = await rescuing(t)
  const { log } = await world.add('one')
  await world.register()
  await world.endanger()
  await until(async () => isDeepStrictEqual(await world.flags(), none))
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(world.sandbox.api.url, 'default'))
  const holdfast = (...args: readonly string[]) => run([...args, '--kubeconfig', kubeconfig])
  const raised = (): boolean => log.some(({ msg, step }) => msg === 'rescue' && step === 'raised')
  return { ...world, holdfast, raised }
}

t.test(
  'a person who wants the flags to stay down gets that, with a guard that would raise them',
  async (t) => {
    const { holdfast, cleanUp, note, flags, raised } = await cleared(t)
    const [{ code, stderr }] = await Promise.all([
      holdfast('rescue', 'node-1', '--leave-cleared'),
      until(async () => {
        const found = await note()
        return found !== undefined && !found.guard
      }).then(cleanUp),
    ])
    t.equal(code, 0, stderr)
    t.match(stderr, 'making the note of the guard its own, so that the guard does not raise the flags again')
    t.equal(await note(), undefined)
    t.strictSame(await flags(), none)
    t.notOk(raised())
  },
)

t.test('a person’s rescue beside the guard’s ends well, whichever of them raises the flags', async (t) => {
  const { holdfast, cleanUp, note, flags } = await cleared(t)
  const [{ code, stderr }] = await Promise.all([holdfast('rescue'), cleanUp()])
  t.ok(code === 0 || code === 3, stderr)
  await until(async () => isDeepStrictEqual(await flags(), disk2))
  t.equal(await note(), undefined)
})

t.test('a node that is reopened meanwhile stays in service', async (t) => {
  const { holdfast, cleanUp, note, flags, raised } = await cleared(t)
  const { code, stderr } = await holdfast('reopen', 'node-1')
  t.equal(code, 0, stderr)
  t.match(stderr, 'taking the note of a rescue away, so that its flags stay down')
  t.equal(await note(), undefined)
  await cleanUp()
  t.match(await holdfast('reopen', 'node-1', '--disk', 'disk-2'), { code: 0 })
  t.strictSame(await flags(), none)
  t.notOk(raised())
})

t.test('an eviction takes the place of the rescue, and leaves no flag behind', async (t) => {
  const { holdfast, cleanUp, note, flags, raised, sandbox } = await cleared(t)
  const [{ code, stderr }] = await Promise.all([
    holdfast('evict', 'node-1', '--unguarded', '--timeout', '2m'),
    until(async () => (await note()) === undefined).then(cleanUp),
  ])
  t.equal(code, 0, stderr)
  t.match(stderr, 'taking the note of a rescue away, since this eviction takes its place')
  t.strictSame(await flags(), none)
  t.notOk(raised())
  t.equal(await note(), undefined)
  t.ok(sandbox.longhorn.isLive('node-1'))
})
