import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import type { Page } from 'playwright-core'
import { cluster } from '../fixtures/cluster.ts'
import { withoutChromium as skip } from '../fixtures/chromium.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { record } from '../observability/records.ts'
import { becomes, pagesInBrowser } from './page-in-browser.ts'
import { PageWorld, smallCluster } from './page-world.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const { shown } = pagesInBrowser(t)

/** The names of the nodes in sight, from above. */
async function order(page: Page): Promise<string[]> {
  const names: unknown = await page.evaluate(
    `[...document.querySelectorAll('[data-node]')].toSorted((one, other) => one.offsetTop - other.offsetTop).map((row) => row.dataset.node)`,
  )
  return names as string[]
}

/** What axe-core finds wrong, by WCAG 2.2 AA and best practice. */
async function violations(page: Page): Promise<string[]> {
  // As a debugger would: the page's own policy forbids scripts from elsewhere.
  await page.evaluate(axe)
  const found: unknown = await page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
  )
  return found as string[]
}

t.test('the page in a real browser', { skip }, (t) => {
  t.test('it shows the release in words, the guard, and each copy with its state', async (t) => {
    const { page, row } = await shown(t)
    await page
      .getByText('Longhorn v1.8.0: crashes if an eviction meets a clean-up on any disk of the node')
      .waitFor()
    t.match(await page.locator('#guard').textContent(), /Guard: 1 replica, mode enforce/)
    t.match(await page.locator('#heard').textContent(), /^API server heard \d+s ago$/)
    t.match(await row('n1').textContent(), /ubuntu: being cleaned up for at least \d+/)
    t.match(await row('n2').textContent(), /ubuntu: ready, the last usable copy/)
  })

  t.test('a hold appears while it lasts, with who, what, why and how long', async (t) => {
    const { world, page } = await shown(t)
    await page.getByText('No request waits.').waitFor()
    world.hold()
    const item = page.locator('#waiting li')
    await item.waitFor()
    t.match(
      await item.textContent(),
      /evicting d2 of n1 asked by anna \(webhook\), waits for \d+s.*ubuntu is still being removed.*rule eviction-during-cleanup.*Holdfast answers within \d+s/,
    )
    t.match(await item.textContent(), 'If it still has to wait then, the client retries.')
    t.equal(await page.title(), '1 waiting – lab-1 – Holdfast')
    t.match(await page.locator('#news').textContent(), 'evicting d2 of n1, asked by anna, waits.')
    world.release()
    await page.getByText('No request waits.').waitFor()
    t.equal(await item.count(), 0)
    t.match(await page.locator('#news').textContent(), 'no longer waits')
  })

  t.test('a click in Longhorn’s UI that waits says that its user has to try again', async (t) => {
    const { world, page } = await shown(t)
    world.hold({ door: 'proxy-longhorn' })
    await page.locator('#waiting').getByText('then, anna has to try again.').waitFor()
  })

  t.test('danger comes first, and a sentence above all else explains it', async (t) => {
    const objects = cluster('v1.8.0')
    for (const at of [1, 2, 3]) objects.node(`n${at}`, [disk(`d${at}`)])
    objects.image('ubuntu', [pending('d3'), ready('d1')])
    const { world, page, row } = await shown(t, new PageWorld(objects))
    await row('n3').waitFor()
    t.strictSame(await order(page), ['n3', 'n1', 'n2'])
    objects.node('n2', [disk('d2', { evictionRequested: true })])
    world.touch()
    await row('n2').getByText('flagged').waitFor()
    t.strictSame(await order(page), ['n2', 'n3', 'n1'])
    objects.node('n3', [disk('d3', { evictionRequested: true })])
    world.touch()
    await page
      .getByRole('alert')
      .getByText(
        /Danger on n3: an eviction flag and a pending clean-up have met, so .* run: holdfast rescue n3/,
      )
      .waitFor()
    t.strictSame(await order(page), ['n3', 'n2', 'n1'])
    t.equal(await page.title(), 'Danger – lab-1 – Holdfast')
  })

  t.test('it says that it is stale when the guard goes away, and comes back by itself', async (t) => {
    const world = new PageWorld(smallCluster())
    const { page, url, close } = await shown(t, world)
    await close()
    await page
      .getByRole('alert')
      .getByText(/Stale: this page gets no news, so it may show an old state/)
      .waitFor()
    await page.getByText('not connected').waitFor()
    await world.serve(t, Number(new URL(url).port))
    await page.getByText('live', { exact: true }).waitFor()
    t.equal(await page.getByText(/Stale/).count(), 0)
  })

  t.test('it says that the map is old, and that the guard cannot be asked', async (t) => {
    const world = new PageWorld(smallCluster())
    const { page } = await shown(t, world)
    const began = performance.timeOrigin + performance.now()
    world.currentAt = () => began - 100_000
    await page.getByRole('alert').getByText('the API server is silent').waitFor()
    world.guard = { mode: null, rules: null, replicas: [], problem: 'The guard cannot be asked: it is gone.' }
    world.touch()
    await page.getByRole('alert').getByText('The guard cannot be asked: it is gone.').waitFor()
    await page.getByText('Guard: no replica answers').waitFor()
  })

  t.test('the Tab key reaches each control, in the order of the page', async (t) => {
    const world = new PageWorld(smallCluster())
    world.records.write(record({}))
    world.hold()
    world.story.add({ tone: 'plain', text: 'It begins.' })
    const { page, row } = await shown(t, world)
    await row('n1').getByRole('checkbox').check()
    await page.getByRole('button', { name: 'Copy the commands' }).waitFor()
    await page.locator('.skip').focus()
    const reached: unknown[] = []
    for (let key = 0; key < 10; key++) {
      await page.keyboard.press('Tab')
      reached.push(
        await page.evaluate(
          '(({ id, dataset, tagName }) => id || dataset.node || tagName)(document.activeElement)',
        ),
      )
    }
    t.strictSame(reached, [
      ...['story-lines', 'waiting', 'nodes-filter', 'nodes-state', 'n1', 'what-if-clear'],
      ...['PRE', 'BUTTON', 'decisions-filter', 'decisions-verdict'],
    ])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.locator('#decisions details[open]').waitFor()
  })

  t.test('nodes are chosen by keyboard', async (t) => {
    const { page, row } = await shown(t)
    await row('n2').waitFor()
    await page.locator('#nodes-state').focus()
    await page.keyboard.press('Tab')
    const focused = () => page.evaluate('document.activeElement.dataset.node')
    t.equal(await focused(), 'n1')
    await page.keyboard.press('ArrowDown')
    t.equal(await focused(), 'n2')
    await page.keyboard.press('Home')
    t.equal(await focused(), 'n1')
    await page.keyboard.press('Space')
    await page.locator('#what-if').getByText('n1 would have to wait').waitFor()
    await page.getByText('holdfast evict n1').waitFor()
    t.equal(await focused(), 'n1', 'the focus stays on the chosen row')
    await page.keyboard.press('Space')
    await page.getByText(/Choose nodes above/).waitFor()
  })

  t.test('decisions can be filtered, opened and linked', async (t) => {
    const world = new PageWorld(smallCluster())
    world.records.write(record({ uid: 'first', actor: { user: 'bob', groups: [] } }))
    world.records.write(record({ uid: 'second', verdict: 'refuse' }))
    const { page, url } = await shown(t, world)
    const items = page.locator('#decisions > li')
    await items.first().getByText('denied').waitFor()
    t.equal(await items.count(), 2)
    await page.locator('#decisions-filter').fill('bob')
    await items.getByText('held back').waitFor()
    t.equal(await items.count(), 1)
    await items.locator('summary').press('Enter')
    await items.getByText('Next: The eviction is allowed as soon as the clean-up ends.').waitFor()
    world.records.write(record({ uid: 'third', actor: { user: 'bob', groups: [] } }))
    await becomes(page, "document.querySelectorAll('#decisions > li').length === 2")
    t.equal(await page.locator('#record-first details').getAttribute('open'), '', 'an open record stays open')
    await page.goto(`${url}/ui/#record-second`)
    await page.reload()
    await page.locator('#record-second details[open]').waitFor()
  })

  t.test('a name of the cluster never becomes markup', async (t) => {
    const name = '<img src=x onerror=alert(1)>'
    const objects = smallCluster().node('n3', [disk(name)])
    const world = new PageWorld(objects)
    world.records.write(record({ actor: { user: '<script>alert(1)</script>', groups: [] } }))
    world.hold({ user: '<b>anna</b>' })
    const { page, row } = await shown(t, world)
    await row('n3').getByText(name).first().waitFor()
    t.equal(await page.locator('img, #decisions script, #waiting b').count(), 0)
  })

  for (const scheme of ['light', 'dark'] as const)
    t.test(`axe-core finds nothing wrong, ${scheme}`, async (t) => {
      const objects = smallCluster()
        .node('n1', [disk('d1'), disk('d2', { evictionRequested: true })])
        .node('n3', [disk('d4', { allowScheduling: false })], { allowScheduling: false })
        .node('n4', [disk('d5', { evictionRequested: true }), disk('d6')])
        .image('many', [
          copy('d4', 'failed'),
          copy('d5', 'in-progress', { progress: 7 }),
          copy('d6', 'unknown'),
        ])
        .image('elsewhere', [pending('gone')])
        .manager('d4', 'unknown')
      for (let image = 0; image < 6; image++) objects.image(`image-${image}`, [ready('d6')])
      const world = new PageWorld(objects)
      world.guard = { ...world.guard, problem: 'Replica b cannot be asked.' }
      world.records.write(record({}))
      world.records.write(record({ verdict: 'unavailable', why: 'stale', findings: [], uid: '3' }))
      world.records.write(
        record({ verdict: 'allow', override: { reason: 'I know' }, uid: '4', dryRun: true }),
      )
      world.records.write(record({ verdict: 'refuse', uid: '2' }))
      world.story.add({ tone: 'bad', text: 'The manager crashes.' })
      world.story.add({ tone: 'quote', text: '429: it has to wait' })
      world.hold()
      const { page, row } = await shown(t, world, { colorScheme: scheme })
      await row('n2').getByRole('checkbox').check()
      await row('n1').getByRole('checkbox').check()
      await page.locator('#what-if').getByText('n1 would have to wait').waitFor()
      await page.getByText('1 clean-up is pending on disks that no node has').waitFor()
      await page.locator('#record-2 summary').click()
      for (const width of [1280, 400]) {
        await page.setViewportSize({ width, height: 800 })
        t.strictSame(await violations(page), [], `${width} pixels`)
      }
    })

  t.test(
    '5,000 disks: few rows in the document, and an update takes less than 50 ms of scripting',
    async (t) => {
      const objects = cluster('v1.8.0')
      const disks = (node: number) => Array.from({ length: 10 }, (_, at) => disk(`n${node}-d${at}`))
      for (let node = 0; node < 500; node++) objects.node(`n${node}`, disks(node))
      for (let image = 0; image < 500; image++)
        objects.image(
          `image-${image}`,
          Array.from({ length: 20 }, (_, at) => ready(`n${(image + at) % 500}-d${at % 10}`)),
        )
      const { world, page, row } = await shown(t, new PageWorld(objects))
      await row('n0').waitFor()
      t.ok((await page.locator('[data-node]').count()) < 40, 'the document has only the rows in sight')
      const devtools = await page.context().newCDPSession(page)
      await devtools.send('Performance.enable')
      const scriptMs = async () => {
        const { metrics } = await devtools.send('Performance.getMetrics')
        return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? NaN) * 1_000
      }
      const updates = 10
      const took: number[] = []
      for (let update = 1; update <= updates; update++) {
        const before = await scriptMs()
        // Each moves a node to the top, and changes fifty others.
        for (let node = 0; node < 50; node++)
          objects.node(`n${node}`, disks(node), { allowScheduling: update % 2 === 0 })
        objects.node(`n${411 - update}`, disks(411 - update), { evictionRequested: true })
        world.touch()
        await row(`n${411 - update}`)
          .getByText('flagged')
          .waitFor()
        took.push((await scriptMs()) - before)
      }
      // Chromium counts the turns of other processes too, so a mean would be of the machine.
      const median = took.toSorted((a, b) => a - b)[updates / 2] ?? NaN
      t.comment(`${took.map((ms) => ms.toFixed(1)).join(', ')} ms of scripting for the updates`)
      t.ok(median <= 50, `${median.toFixed(1)} ms`)
      await row('n401').focus()
      await page.keyboard.press('End')
      await row('n499').waitFor()
      t.ok((await page.locator('[data-node]').count()) < 40)
      await page.locator('#nodes-filter').fill('n250-d3')
      await page.getByText('1 of 500 nodes').waitFor()
    },
  )
  t.end()
})
