import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { storyPage } from '../../src/commands/sandbox/story-page.ts'
import { type State, StateSchema } from '../../src/page/state-schema.ts'
import { StoryLog } from '../../src/page/story.ts'
import { parser } from '../../src/json/schema.ts'
import { TestBrowser, withoutChromium } from '../fixtures/chromium.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { untilHung } from '../fixtures/limits.ts'
import { comesTrue, guarded, type World } from './guarded-cluster.ts'
import { linesOf, run, start } from './holdfast.ts'

const parseState = parser(StateSchema, (state) => state)

/** A clean-up is pending on disk-1 of node-1 from now on. */
async function cleanUp({ ask, sandbox }: World): Promise<void> {
  const diskFileSpecMap = { [sandbox.cluster.uuidOf('node-1/disk-1')]: null }
  t.match(await ask('PATCH', 'backingimages/ubuntu-22.04', { spec: { diskFileSpecMap } }), { ok: true })
}

/** Evicts disk-2 of node-1, and waits as kubectl does. */
function evict({ ask }: World): ReturnType<World['ask']> {
  const spec = { disks: { 'disk-2': { allowScheduling: false, evictionRequested: true } } }
  return ask('PATCH', 'nodes/node-1', { spec }, 'anna')
}

async function stateAt(url: string): Promise<State> {
  const answer: unknown = await (await fetch(new URL('/api/v1/state', url), { signal: untilHung() })).json()
  const parsed = parseState(answer)
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** `holdfast ui` beside a cluster with a guard. */
async function looking(t: Test, world: World) {
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, world.sandbox.kubeconfig)
  const running = start(['ui', '--no-open', '--kubeconfig', kubeconfig])
  t.teardown(running.end)
  const line = await linesOf(running, [])(/Holdfast is at/)
  return { ...running, url: /http:\S+/.exec(line)?.[0] ?? '' }
}

t.test('holdfast ui shows the cluster and the waiting requests, and ends on a signal', async (t) => {
  const world = await guarded(t, { release: 'v1.8.0', times: { drainMs: 600_000 } })
  const { url, kill, exit } = await looking(t, world)
  t.match(await (await fetch(url)).text(), '<title>Holdfast</title>')
  await comesTrue(async () => (await stateAt(url)).guard.problem === null)
  await cleanUp(world)
  const evicting = evict(world)
  await comesTrue(async () => (await stateAt(url)).waiting.length === 1)
  const state = await stateAt(url)
  t.match(state, {
    longhorn: { release: 'v1.8.0', profile: 'A' },
    guard: { mode: 'enforce', problem: null },
    waiting: [
      { doing: 'evicting disk-2 of node-1', user: 'anna', causes: [{ rule: 'eviction-during-cleanup' }] },
    ],
    nodes: [{ name: 'node-1', state: 'cleaning up' }],
  })
  t.ok(state.now - (state.waiting[0]?.since ?? 0) < 60_000, 'since when, by the clock of the page')
  await world.stop()
  await evicting
  await comesTrue(async () =>
    ((await stateAt(url)).guard.problem ?? '').includes('The guard cannot be asked'),
  )
  t.strictSame((await stateAt(url)).waiting, [])
  kill('SIGTERM')
  t.equal(await exit, 0)
})

t.test('each replica has the same page on its operator port', async (t) => {
  const world = await guarded(t, { release: 'v1.8.0' })
  const lease = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }
  const leases = await world.sandbox.client.list(lease, 'holdfast')
  const address = leases
    .map(({ metadata }) => metadata.annotations?.['holdfast.dev/operator-address'])
    .find((each) => each !== undefined)
  const page = await fetch(`${address}/ui/`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), "default-src 'self'")
  t.match(await stateAt(address ?? ''), { guard: { replicas: [{ synced: true }] }, nodes: [{}, {}, {}] })
  t.match(await (await fetch(`${address}/api/v1/what-if?node=node-1`)).json(), { plan: { possible: true } })
})

t.test('without Longhorn there is no page, and it is said why', async (t) => {
  const world = await guarded(t)
  const { code, stderr } = await world.holdfast('ui', '--no-open', '--longhorn-namespace', 'other')
  t.equal(code, 2)
  t.match(stderr, 'There is no Longhorn in namespace other')
  t.match(await run(['ui', '--port', '70000']), { code: 2, stderr: 'It must be a port, 0 to 65535.' })
})

t.test('the page shows the story while it happens', { skip: withoutChromium }, async (t) => {
  const browser = new TestBrowser(t)
  const sandbox = await embeddedCluster(t)
  const story = new StoryLog()
  const served = await storyPage(sandbox, story, untilHung())
  t.teardown(served.close)
  const page = await browser.open(t, served.url)
  story.add({ tone: 'title', text: 'Act 1. The guard is off' })
  story.add({ tone: 'bad', text: 'The longhorn-manager of node-1 crashes' })
  await page.getByText('✗ The longhorn-manager of node-1 crashes').waitFor()
  await page.getByText('Guard: no replica answers').waitFor()
  await page.getByText(/The guard cannot be asked.*no guard runs yet/).waitFor()
})
