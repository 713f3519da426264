import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TestBrowser, withoutChromium as skip } from '../fixtures/chromium.ts'
import { untilHung } from '../fixtures/limits.ts'
import { comesTrue, guarded, namespace, nodes, type World } from './guarded-cluster.ts'
import { linesOf, start } from './holdfast.ts'

const browser = new TestBrowser(t)

/** The clean-up of a copy on disk-1 of node-1. @returns what ends it */
async function cleanUp({ ask, sandbox }: World): Promise<() => Promise<void>> {
  const gone = { [sandbox.cluster.uuidOf('node-1/disk-1')]: null }
  const image = 'backingimages/ubuntu-22.04'
  t.match(await ask('PATCH', image, { spec: { diskFileSpecMap: gone } }), { ok: true })
  return async () => {
    const status = { diskFileStatusMap: gone }
    t.match(await ask('PATCH', `${image}/status`, { status }), { ok: true })
  }
}

/** The eviction of disk-2 of node-1, for as long as its client waits: it repeats what is held for too long, as kubectl does. */
async function evict({ sandbox }: World, user: string, signal: AbortSignal): Promise<number> {
  const path = `/apis/longhorn.io/v1beta2/namespaces/${namespace}/nodes/node-1`
  const disks = { 'disk-2': { allowScheduling: false, evictionRequested: true } }
  for (;;) {
    const { status } = await fetch(sandbox.api.url + path, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json', 'impersonate-user': user },
      body: JSON.stringify({ spec: { disks } }),
      signal,
    })
    if (status !== 429) return status
  }
}

/** The page of `holdfast ui` beside a guard, in a browser. */
async function looking(t: Test, world: World) {
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, world.sandbox.kubeconfig)
  const running = start(['ui', '--no-open', '--kubeconfig', kubeconfig])
  t.teardown(running.end)
  const line = await linesOf(running, [])(/Holdfast is at/)
  const page = await browser.open(t, /http:\S+/.exec(line)?.[0] ?? '')
  await page.getByText('Guard: 1 replica, mode enforce').waitFor()
  return page
}

t.test('the page of a real guard', { skip }, (t) => {
  t.test(
    'it shows a hold as status, the metric and the Event do, and the admission at its end',
    async (t) => {
      const world = await guarded(t, { release: 'v1.8.0', times: { drainMs: 600_000 } })
      const page = await looking(t, world)
      await page.getByText('No request waits.').waitFor()
      const endCleanUp = await cleanUp(world)
      const evicting = evict(world, 'anna', untilHung())
      const item = page.locator('#waiting li')
      await item.waitFor()
      const words = /evicting disk-2 of node-1 asked by anna \(webhook\), waits for \d+s/
      t.match(await item.textContent(), words)
      t.match(
        await item.textContent(),
        /ubuntu-22\.04 is still being removed from disk-1 .*rule eviction-during-cleanup/,
      )
      const { stdout } = await world.holdfast('status', '-o', 'json')
      t.match(JSON.parse(stdout), { waiting: [{ change: 'evicting disk-2 of node-1', user: 'anna' }] })
      const metrics = await world.metrics()
      t.match(
        metrics,
        /holdfast_hold_waited_seconds\{node="node-1",.*user="anna".*change="evicting disk-2 of node-1"/,
      )
      const waits = {
        reason: 'RequestWaits',
        message: /^evicting disk-2 of node-1 has to wait: .* \(asked by anna, webhook\)/,
      }
      const shown = async () => {
        const events = await world.sandbox.client.list(
          { group: '', version: 'v1', plural: 'events' },
          namespace,
        )
        return events.filter((event) => 'reason' in event && event.reason === 'RequestWaits')
      }
      await comesTrue(async () => (await shown()).length > 0)
      t.match(await shown(), [waits])
      await comesTrue(async () => /^holdfast_hold_waited_seconds\{.*\} [1-9]/m.test(await world.metrics()))
      await endCleanUp()
      t.equal(await evicting, 200)
      await page.getByText('No request waits.').waitFor()
      await page
        .locator('#decisions')
        .getByText(/node-1, after a wait of \d+s/)
        .first()
        .waitFor()
      const node = await world.sandbox.client.get(nodes, namespace, 'node-1')
      t.match(node, { spec: { disks: { 'disk-2': { evictionRequested: true } } } })
      await page.locator('[data-node="node-1"]').getByText('flagged').waitFor()
    },
  )

  t.test('a request stops waiting once its client has given up', async (t) => {
    const world = await guarded(t, { release: 'v1.8.0', times: { drainMs: 600_000 } })
    const page = await looking(t, world)
    await cleanUp(world)
    const leaving = new AbortController()
    const evicting = evict(world, 'bob', leaving.signal)
    await page.locator('#waiting li').getByText('asked by bob').waitFor()
    leaving.abort()
    await t.rejects(evicting)
    await page.getByText('No request waits.').waitFor()
  })

  t.test('the page reports a missing API server within seconds, and goes on afterwards', async (t) => {
    const world = await guarded(t, { release: 'v1.8.0' })
    const page = await looking(t, world)
    const back = world.sandbox.api.restart(4_000)
    await page
      .getByRole('alert')
      .getByText(/Stale: nodes and copies may be old\. Cannot reach the API server/)
      .waitFor()
    await back
    await page.getByText(/Stale/).waitFor({ state: 'detached' })
    await page.getByText('Guard: 1 replica, mode enforce').waitFor()
  })
  t.end()
})
