import t from 'tap'
import { withoutChromium as skip } from '../fixtures/chromium.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { record } from '../observability/records.ts'
import { becomes, pagesInBrowser } from './page-in-browser.ts'
import { PageWorld, smallCluster } from './page-world.ts'

const { shown } = pagesInBrowser(t)

t.test('the page in windows of all sizes', { skip }, (t) => {
  /** A world of names that are as long as Kubernetes allows. */
  function longNames() {
    const name = 'x'.repeat(253)
    const objects = smallCluster()
      .node(name, [disk(name)])
      .image(name, [ready(name)])
    const world = new PageWorld(objects)
    world.hold({ user: name, doing: `evicting ${name} of ${name}` })
    world.records.write(record({ actor: { user: name, groups: [] }, object: { kind: 'Node', name } }))
    world.guard = { ...world.guard, problem: `Replica ${name} cannot be asked.` }
    world.story.add({ tone: 'plain', text: name })
    return { name, world }
  }

  for (const width of [320, 800, 1280])
    t.test(`in a window of ${width} pixels no name widens the page`, async (t) => {
      const { name, world } = longNames()
      const { page, row } = await shown(t, world, { viewport: { width, height: 640 } })
      await row(name).getByRole('checkbox').check()
      await page.locator('#what-if').getByText(name).first().waitFor()
      await page.locator('#decisions summary').click()
      t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0)
    })

  t.test('in a window of 320 pixels copies can be reached', async (t) => {
    const { row } = await shown(t, undefined, { viewport: { width: 320, height: 640 } })
    const chip = row('n2').locator('.chip').first()
    await chip.scrollIntoViewIfNeeded()
    const { width = 0 } = (await chip.boundingBox()) ?? {}
    t.ok(width > 60, `${width} pixels of a copy`)
  })

  for (const width of [320, 390, 700])
    t.test(`in a window of ${width} pixels each row shows its disks without moving sideways`, async (t) => {
      const objects = smallCluster().node('n1', [disk('d1', { evictionRequested: true }), disk('d2')])
      const { page, row } = await shown(t, new PageWorld(objects), { viewport: { width, height: 844 } })
      t.equal(
        await page.evaluate(
          "document.querySelector('#grid').scrollWidth - document.querySelector('#grid').clientWidth",
        ),
        0,
      )
      for (const name of ['n1', 'n2']) {
        const box = await row(name).boundingBox()
        for (const cell of await row(name).locator('.name, .state, .scheduling, .disk, .chip').all()) {
          const { x = 0, y = 0, width: w = 0, height = 0 } = (await cell.boundingBox()) ?? {}
          t.ok(x >= 0 && x + w <= width, `${name}: from ${x} to ${x + w}`)
          t.ok(y + height <= (box?.y ?? 0) + (box?.height ?? 0) + 1, `${name}: down to ${y + height}`)
        }
      }
    })

  for (const width of [390, 1366])
    t.test(`in a window of ${width} pixels the images of a full disk can be read`, async (t) => {
      const objects = cluster('v1.8.0').node(
        'n1',
        Array.from({ length: 10 }, (_, at) => disk(`d${at}`)),
      )
      for (let image = 0; image < 8; image++) objects.image(`image-${100 + image}`, [ready('d1')])
      const { page, row } = await shown(t, new PageWorld(objects), { viewport: { width, height: 768 } })
      await row('n1').locator('.chip').first().waitFor()
      const cut =
        "[...document.querySelectorAll('.chip')].filter((e) => e.scrollWidth > e.clientWidth).length"
      t.equal(await page.evaluate(cut), 0)
      t.match(await row('n1').textContent(), /6 more copies: image-\d+, /)
    })

  t.test('64 requests that wait leave room for the nodes, and the keyboard reaches each', async (t) => {
    const world = new PageWorld(smallCluster())
    for (let id = 1; id <= 64; id++) world.hold({ id: `holdfast-0/${id}`, user: `user-${id}` })
    const { page, row } = await shown(t, world)
    await page.locator('#waiting').getByText('asked by user-64').waitFor()
    const { y = Infinity } = (await row('n1').boundingBox()) ?? {}
    t.ok(y < 900, `the nodes begin at ${y} pixels`)
    await page.locator('#waiting').focus()
    await page.keyboard.press('End')
    await becomes(
      page,
      "document.querySelector('#waiting li:last-child').getBoundingClientRect().bottom < innerHeight",
    )
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
    await becomes(page, "document.querySelectorAll('[data-node]').length < 60")
  })
  t.end()
})
