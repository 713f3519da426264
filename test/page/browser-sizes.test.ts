import t from 'tap'
import { withoutChromium as skip } from '../fixtures/chromium.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { record } from '../observability/records.ts'
import { pagesInBrowser } from './page-in-browser.ts'
import { PageWorld, smallCluster } from './page-world.ts'

const { shown } = pagesInBrowser(t)

t.test('the page in windows of all sizes', { skip }, (t) => {
  t.test('in a window of 320 pixels nothing widens the page, and copies can be reached', async (t) => {
    const name = 'x'.repeat(253)
    const objects = smallCluster()
      .node(name, [disk(name)])
      .image(name, [ready(name)])
    const world = new PageWorld(objects)
    world.hold({ user: name, doing: `evicting ${name} of ${name}` })
    world.records.write(record({ actor: { user: name, groups: [] }, object: { kind: 'Node', name } }))
    world.guard = { ...world.guard, problem: `Replica ${name} cannot be asked.` }
    world.story.add({ tone: 'plain', text: name })
    const { page, row } = await shown(t, world, { viewport: { width: 320, height: 640 } })
    await row(name).getByRole('checkbox').check()
    await page.locator('#what-if').getByText(name).first().waitFor()
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'no sideways scrolling')
    const chip = row('n2').locator('.chip').first()
    await chip.scrollIntoViewIfNeeded()
    const { width = 0 } = (await chip.boundingBox()) ?? {}
    t.ok(width > 60, `${width} pixels of a copy`)
  })

  t.test('all nodes are printed, not only those in sight', async (t) => {
    const objects = cluster('v1.8.0')
    for (let node = 0; node < 300; node++) objects.node(`n${node}`, [disk(`d${node}`)])
    const { page } = await shown(t, new PageWorld(objects))
    const rows = page.locator('[data-node]')
    await rows.first().waitFor()
    t.ok((await rows.count()) < 60)
    await page.evaluate(
      "addEventListener('beforeprint', () => (window.printed = document.querySelectorAll('[data-node]').length))",
    )
    await page.pdf()
    t.equal(await page.evaluate('window.printed'), 300)
    await page.waitForFunction("document.querySelectorAll('[data-node]').length < 60")
  })
  t.end()
})
