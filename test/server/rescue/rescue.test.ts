import t from 'tap'
import { isDeepStrictEqual } from 'node:util'
import { evicting, none, rescuing, until } from './rescuing.ts'

const disk2 = { node: false, disks: ['disk-2'] }
/** So rarely that no manager meets what a guard ends in time. */
const monitoring = { monitorMs: 60_000, syncMs: 60_000 }

for (const release of ['v1.7.3', 'v1.8.0', 'v1.8.1', 'v1.9.0']) {
  t.test(
    `flags that meet a status ahead of spec go down before the manager crashes (${release})`,
    async (t) => {
      const { sandbox, add, register, endanger, cleanUp, note, flags, events } = await rescuing(t, {
        release,
        longhorn: monitoring,
      })
      const { log, registry } = await add('one')
      await register()
      await endanger()
      await until(async () => isDeepStrictEqual(await flags(), none))
      t.match(await note(), { disks: ['disk-2'], by: 'sandbox-admin', guard: { generation: Number } })
      await cleanUp()
      await until(async () => isDeepStrictEqual(await flags(), disk2))
      t.equal(await note(), undefined, 'the note goes in the same write')
      t.equal(sandbox.longhorn.crashCount('node-1'), 0)
      await until(async () => (await events()).some((event) => event.startsWith('FlagsRaised')))
      t.match((await events()).sort(), [
        /^FlagsCleared: Holdfast took the flag of disk-2 down: Longhorn removes ubuntu-22\.04 from disk-2 \(for at least \d+s\), which crashes the longhorn-manager\. Holdfast raises it again once that is safe\./,
        /^FlagsRaised: Holdfast raised the flag of disk-2 again, .*To finish the eviction: holdfast evict node-1$/,
      ])
      await until(() => log.some(({ msg, step }) => msg === 'rescue' && step === 'raised'))
      const records = log.filter(({ schema }) => schema === 'holdfast.dev/audit/v1')
      t.match(
        records.map(({ door, actor, object, rescue }) => ({ door, actor, object, rescue })),
        [
          {
            door: 'rescue',
            actor: { user: 'sandbox-admin' },
            object: { name: 'node-1' },
            rescue: { step: 'cleared', ...disk2 },
          },
          { door: 'rescue', rescue: { step: 'raised', ...disk2 } },
        ],
      )
      t.match(
        log.filter(({ msg }) => msg === 'rescue'),
        [
          { level: 40, node: 'node-1', step: 'cleared' },
          { level: 30, node: 'node-1', step: 'raised' },
        ],
      )
      t.match(await registry.metrics(), /^holdfast_rescues_total\{step="cleared"\} 1$/m)
      t.match(await registry.metrics(), /^holdfast_rescues_total\{step="raised"\} 1$/m)
      t.match(await registry.metrics(), /^holdfast_rescue_leader 1$/m)
    },
  )
}

t.test('a manager that crash-loops when the guard starts is rescued', async (t) => {
  const { sandbox, add, register, endanger, cleanUp, note, flags } = await rescuing(t)
  await endanger()
  await until(() => sandbox.longhorn.crashCount('node-1') >= 2)
  await add('one')
  await register()
  await until(async () => isDeepStrictEqual(await flags(), none))
  t.match(await note(), disk2)
  await cleanUp()
  await until(async () => isDeepStrictEqual(await flags(), disk2))
  t.equal(await note(), undefined)
  await until(() => sandbox.longhorn.isLive('node-1'))
})

t.test('a guard without the option leaves flags alone, and so does one that only warns', async (t) => {
  for (const settings of [{ rescue: 'off' }, { mode: 'warn' }] as const) {
    const { sandbox, add, register, endanger, note, flags, events } = await rescuing(t, { settings })
    const { log } = await add('one')
    await register()
    await endanger()
    await until(() => sandbox.longhorn.crashCount('node-1') >= 2)
    t.strictSame(await flags(), disk2)
    t.equal(await note(), undefined)
    if (!('mode' in settings)) {
      t.notOk((await events()).some((event) => event.startsWith('Flags')))
      continue
    }
    await until(async () => (await events()).some((event) => event.startsWith('Flags')))
    const flagEvents = (await events()).filter((event) => event.startsWith('Flags'))
    t.match(flagEvents, [
      /^FlagsWouldBeCleared: Holdfast would take the flag of disk-2 down: .* To do it: holdfast rescue node-1$/,
    ])
    t.match(
      log.filter(({ door }) => door === 'rescue'),
      [{ dryRun: true, rescue: { step: 'would-clear' } }],
    )
  }
})

t.test('a release that does not crash is left alone', async (t) => {
  for (const release of ['v1.6.4', 'v1.9.1']) {
    const { add, register, endanger, cleanUp, patch, note, flags } = await rescuing(t, { release })
    const { log } = await add('one')
    await register()
    await endanger()
    await patch('nodes/node-1', evicting('disk-1'))
    await cleanUp()
    await until(async () => (await flags()).disks.length === 2)
    t.equal(await note(), undefined)
    t.strictSame(
      log.filter(({ msg }) => msg === 'rescue'),
      [],
    )
  }
})
