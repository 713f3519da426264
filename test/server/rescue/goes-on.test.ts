import t from 'tap'
import { isDeepStrictEqual } from 'node:util'
import { registration, FakeWebhook, registrations } from '../../sandbox/api/fake-webhook.ts'
import { forbidden, front } from '../../commands/in-front.ts'
import { none, rescuing, type RescuingReplica, until } from './rescuing.ts'

const disk2 = { node: false, disks: ['disk-2'] }

function stepsOf({ log }: RescuingReplica): unknown[] {
  return log.filter(({ msg }) => msg === 'rescue').map(({ step }) => step)
}

t.test('one of two replicas rescues, and the other goes on when it stops in the middle', async (t) => {
  const { add, register, endanger, cleanUp, note, flags } = await rescuing(t)
  const replicas = [await add('one'), await add('two')]
  await register()
  await endanger()
  await until(async () => isDeepStrictEqual(await flags(), none))
  await until(() => replicas.some((replica) => stepsOf(replica).length > 0))
  const leaders = replicas.filter((replica) => stepsOf(replica).length > 0)
  t.equal(leaders.length, 1)
  const [other] = replicas.filter((replica) => !leaders.includes(replica))
  await leaders[0]?.stop()
  await cleanUp()
  await until(async () => isDeepStrictEqual(await flags(), disk2))
  t.equal(await note(), undefined)
  await until(() => other !== undefined && stepsOf(other).includes('raised'))
  t.strictSame(other && stepsOf(other), ['raised'])
})

t.test('a guard that was restarted in the middle goes on from the note', async (t) => {
  const { add, register, endanger, cleanUp, flags } = await rescuing(t)
  const before = await add('one')
  await register()
  await endanger()
  await until(async () => isDeepStrictEqual(await flags(), none))
  await before.stop()
  const after = await add('one')
  await cleanUp()
  await until(async () => isDeepStrictEqual(await flags(), disk2))
  await until(() => stepsOf(after).length > 0)
  t.strictSame(stepsOf(after), ['raised'])
})

t.test('flags that no guard would judge stay down until one does', async (t) => {
  const { add, register, unregister, endanger, cleanUp, flags, events } = await rescuing(t)
  const replica = await add('one')
  await register()
  await endanger()
  await until(async () => isDeepStrictEqual(await flags(), none))
  await unregister()
  await cleanUp()
  await until(() => stepsOf(replica).includes('not-raised'))
  t.strictSame(await flags(), none)
  await until(async () => (await events()).some((event) => event.startsWith('FlagsStayDown')))
  t.match(
    (await events()).find((event) => event.startsWith('FlagsStayDown')),
    /stays down and noted for now, and Holdfast tries again later: no guard judges the write: .* holdfast doctor$/,
  )
  await register()
  await until(async () => isDeepStrictEqual(await flags(), disk2))
  await until(() => stepsOf(replica).includes('raised'))
  t.strictSame(stepsOf(replica), ['cleared', 'not-raised', 'raised'])
})

t.test('flags that Longhorn’s own webhook denies stay down, and go up once it admits them', async (t) => {
  const { sandbox, add, register, endanger, cleanUp, flags } = await rescuing(t)
  const replica = await add('one')
  await register()
  await endanger()
  await until(async () => isDeepStrictEqual(await flags(), none))
  const longhorn = await FakeWebhook.start(t)
  longhorn.behaviour = {
    deny: { code: 422, message: 'need to disable scheduling on node node-1 for node eviction' },
  }
  const registered = registration(longhorn, { name: 'validator.longhorn.io', rule: { resources: ['nodes'] } })
  await sandbox.client.create(registrations, registered)
  await cleanUp()
  await until(() => stepsOf(replica).includes('not-raised'))
  t.strictSame(await flags(), none)
  t.match(JSON.stringify(replica.log), 'need to disable scheduling')
  longhorn.behaviour = { allow: true }
  await until(async () => isDeepStrictEqual(await flags(), disk2))
})

t.test('flags go down as soon as Longhorn’s webhook answers again', async (t) => {
  const { sandbox, add, endanger, flags } = await rescuing(t)
  await endanger()
  const longhorn = await FakeWebhook.start(t)
  longhorn.behaviour = { raw: 'bad gateway', code: 502 }
  const registered = registration(longhorn, { name: 'validator.longhorn.io', rule: { resources: ['nodes'] } })
  await sandbox.client.create(registrations, registered)
  await add('one')
  await until(() => longhorn.asked.length >= 3)
  t.strictSame(await flags(), disk2)
  longhorn.behaviour = { allow: true }
  await until(async () => isDeepStrictEqual(await flags(), none))
})

t.test(
  'a guard that may not patch nodes logs that when it starts, and tries again when a node is in danger',
  async (t) => {
    const { sandbox, add, endanger, flags } = await rescuing(t)
    const { port } = await front(
      t,
      sandbox.api.url,
      (method, path) => {
        if (path.endsWith('/selfsubjectaccessreviews')) return [201, { status: { allowed: false } }]
        return method === 'PATCH' && path.endsWith('/nodes/node-1')
          ? forbidden('nodes.longhorn.io')
          : undefined
      },
      {},
    )
    const { log } = await add('one', {}, `http://127.0.0.1:${port}`)
    await until(() =>
      log.some(({ msg }) => String(msg).startsWith('the right to patch nodes.longhorn.io is missing')),
    )
    await endanger()
    await until(() => log.some(({ msg }) => msg === 'flags of a node cannot be written'))
    t.strictSame(await flags(), disk2)
    t.match(JSON.stringify(log), 'nodes.longhorn.io is forbidden')
  },
)
