import t from 'tap'
import { withoutChromium as skip } from '../fixtures/chromium.ts'
import { comesTrue } from '../commands/guarded-cluster.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { record } from '../observability/records.ts'
import { pagesInBrowser } from './page-in-browser.ts'
import { PageWorld, smallCluster } from './page-world.ts'

const { shown } = pagesInBrowser(t)

t.test('the page where things go wrong', { skip }, (t) => {
  t.test('an address with a malformed end shows the page all the same', async (t) => {
    const world = new PageWorld(smallCluster())
    world.records.write(record({ uid: 'first' }))
    const { page, row } = await shown(t, world, { hash: '#%' })
    await page.locator('#record-first').waitFor()
    await row('n1').waitFor()
  })

  t.test(
    'the title of a tab in the background says that a request waits, and that there is danger',
    async (t) => {
      const objects = smallCluster()
      const { world, page } = await shown(t, new PageWorld(objects))
      // A browser draws no frame of a tab that nobody sees.
      await page.evaluate('requestAnimationFrame = () => 0')
      world.hold()
      await comesTrue(async () => (await page.title()).startsWith('1 waiting'))
      objects.node('n1', [disk('d1', { evictionRequested: true }), disk('d2')])
      world.touch()
      await comesTrue(async () => (await page.title()).startsWith('Danger'))
    },
  )

  t.test('it names what is looked at, in the heading and in the title', async (t) => {
    const { page } = await shown(t)
    await page.getByText('lab-1, namespace longhorn-system').waitFor()
    t.equal(await page.title(), 'lab-1 – Holdfast')
  })

  t.test('the command that ends danger looks at the same cluster', async (t) => {
    const objects = smallCluster().node('n1', [disk('d1', { evictionRequested: true }), disk('d2')])
    const world = new PageWorld(objects)
    world.flags = '--context lab'
    const { page } = await shown(t, world)
    await page
      .getByRole('alert')
      .getByText(/run: holdfast rescue n1 --context lab$/)
      .waitFor()
  })

  t.test('it says how many replicas are not ready, and that the API server is away', async (t) => {
    const { world, page } = await shown(t)
    const replica = { version: '0.1.0', synced: true }
    world.guard = {
      ...world.guard,
      replicas: [
        { ...replica, replica: 'a' },
        { ...replica, replica: 'b', synced: false },
      ],
    }
    world.outage = 'The connection to 10.0.0.1 was lost.'
    world.touch()
    await page.getByText('Guard: 2 replicas, 1 not ready, mode enforce').waitFor()
    await page
      .getByRole('alert')
      .getByText('Stale: nodes and copies may be old. The connection to 10.0.0.1 was lost.')
      .waitFor()
  })

  t.test(
    'a record that is open stays open when the connection comes back, and no record is lost',
    async (t) => {
      const world = new PageWorld(smallCluster())
      const time = '2026-11-23T12:00:00.000Z'
      for (let uid = 0; uid < 150; uid++) world.records.write(record({ uid: `a${uid}`, time }))
      const { page, url, close } = await shown(t, world)
      for (let uid = 0; uid < 150; uid++) world.records.write(record({ uid: `b${uid}`, time }))
      await page.locator('#record-b149 summary').press('Enter')
      await close()
      await page.getByText('not connected').waitFor()
      await world.serve(t, Number(new URL(url).port))
      await page.getByText('live', { exact: true }).waitFor()
      world.records.write(record({ uid: 'a1-last', time }))
      await page.locator('#record-a1-last').waitFor()
      await page.locator('#record-b149 details[open]').waitFor()
      await page.locator('#decisions-filter').fill('a1')
      await page.locator('#record-a1').waitFor()
    },
  )

  t.test('it says where a rescue has cleared flags, and what raises them again', async (t) => {
    const objects = smallCluster()
    const world = new PageWorld(objects)
    world.flags = '--context lab'
    const { page, row } = await shown(t, world)
    const noting = (note: object) => {
      const annotations = { 'holdfast.dev/rescue': JSON.stringify(note) }
      objects.node('n2', [disk('d3', { allowScheduling: false })], { metadata: { annotations } })
      world.touch()
    }
    const note = { node: false, disks: ['d3'], at: '2026-11-23T12:00:00Z', by: 'ann' }
    noting(note)
    const alert = page.getByRole('alert')
    await alert
      .getByText(
        'Evictions are stopped on n2: a rescue has cleared eviction flags and noted them. To raise them again, run: holdfast rescue n2 --context lab',
      )
      .waitFor()
    await row('n2').getByText('flags noted').waitFor()
    noting({ ...note, guard: { generation: 1 } })
    await alert.getByText('the guard has cleared eviction flags, and raises them when that is safe').waitFor()
    noting({ ...note, disks: [] })
    await alert.getByText('run: holdfast rescue n2 --context lab --leave-cleared').waitFor()
    objects.node('n2', [disk('d3')])
    world.touch()
    await row('n2').getByText('flags noted').waitFor({ state: 'detached' })
    await alert.getByText('rescue').waitFor({ state: 'detached' })
  })

  t.test('it names images that are on no disk of a node, and the command that says what to do', async (t) => {
    const objects = smallCluster().image('lost', [ready('d9')])
    const { page } = await shown(t, new PageWorld(objects))
    await page.getByRole('alert').getByText('not lost, of: lost. What to do: holdfast doctor').waitFor()
  })

  t.test('a record of another day has its date', async (t) => {
    const world = new PageWorld(smallCluster())
    world.records.write(record({ uid: 'old', time: '2026-11-23T12:00:00.000Z' }))
    world.records.write(record({ uid: 'new', time: new Date().toISOString() }))
    const { page } = await shown(t, world, { locale: 'en-GB', timezoneId: 'UTC' })
    t.match(await page.locator('#record-old time').textContent(), /^23\/11\/2026, 12:00:00$/)
    t.match(await page.locator('#record-new time').textContent(), /^\d\d:\d\d:\d\d$/)
  })

  t.test('a record says in words what was changed, where it tells that', async (t) => {
    const world = new PageWorld(smallCluster())
    const change = { change: 'evicting disk-2 of node-1' }
    world.records.write({ ...record({ verdict: 'allow', findings: [], waitedMs: 5_000 }), ...change })
    const { page } = await shown(t, world)
    await page.getByText('evicting disk-2 of node-1, after a wait of 5s').waitFor()
  })

  t.test('a page too many says that there are too many', async (t) => {
    const { page, url, close, world } = await shown(t)
    await close()
    await page.getByText('not connected').waitFor()
    const port = Number(new URL(url).port)
    await world.serve(t, port, 0)
    await page
      .getByText(/This server has 0 open streams, and no room for more\. Close a page that you do not need/)
      .waitFor()
  })

  t.test('a node with more copies than fit names them all, and shows first what is looked for', async (t) => {
    const objects = cluster('v1.8.0').node('n1', [disk('d1')])
    for (let image = 0; image < 20; image++) objects.image(`image-${image}`, [ready('d1')])
    objects.image('late', [pending('d1')])
    const { page, row } = await shown(t, new PageWorld(objects))
    await row('n1').locator('.chip').first().getByText('late').first().waitFor()
    t.match(await row('n1').textContent(), /17 more copies: image-\d+, /)
    await page.locator('#nodes-filter').fill('image-17')
    await row('n1').locator('.chip').getByText('image-17').first().waitFor()
  })
  t.end()
})
