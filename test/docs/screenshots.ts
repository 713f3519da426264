// Makes the pictures of the page for docs/ui.md, light and dark: npm run docs:screenshots. Needs Chromium.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditRecord } from '../../src/observability/audit-record.ts'
import { TrendRing } from '../../src/page/trend.ts'
import { systemClock } from '../../src/time/clock.ts'
import { cluster } from '../fixtures/cluster.ts'
import { chromiumPath, launchChromium } from '../fixtures/chromium.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { root } from '../fixtures/root.ts'
import { record } from '../observability/records.ts'
import { PageWorld } from '../page/page-world.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'

if (chromiumPath === undefined) throw new Error('There is no chromium on the PATH: apt-get install chromium')

const past = new FakeClock()
const hour = new TrendRing(
  () => {
    const minute = Math.floor(past.monotonic() / 60_000) % 60
    return { pending: [0, 1, 2, 2, 1, 0, 0, 3][minute % 8] ?? 0, holds: minute % 8 === 2 ? 1 : 0 }
  },
  past,
  defaultPolicy,
)
for (let minute = 0; minute < 50; minute++) {
  if (minute % 8 === 2) hour.count(minute % 3 === 0 ? 'refuse' : 'hold')
  past.advance(60_000)
}

const objects = cluster('v1.8.0')
  .at(systemClock.monotonic() - 43_000)
  .node('node-1', [disk('disk-1'), disk('disk-2')])
  .node('node-2', [disk('disk-3'), disk('disk-4')])
  .node('node-3', [disk('disk-5', { evictionRequested: true, allowScheduling: false }), disk('disk-6')])
  .node('node-4', [disk('disk-7'), disk('disk-8')])
  .image('ubuntu-22.04', [
    pending('disk-1'),
    ready('disk-3'),
    copy('disk-7', 'in-progress', { progress: 43 }),
  ])
  .image('debian-12', [ready('disk-4'), ready('disk-5')])
  .image('windows-2025', [ready('disk-6')])
  .replica('pvc-web-r-1', 'ubuntu-22.04', 'disk-3')
  .replica('pvc-db-r-1', 'windows-2025', 'disk-6')
const world = new PageWorld(objects, systemClock, hour)
const time = new Date().toISOString()
for (const parts of records()) world.records.write(record({ ...parts, time }))
world.hold({
  doing: 'evicting disk-2 of node-1',
  since: systemClock.monotonic() - 12_000,
  object: { kind: 'Node', name: 'node-1' },
  causes: [
    {
      rule: 'eviction-during-cleanup',
      found: 'backing image ubuntu-22.04 is still being removed from disk-1 (for 43s)',
      since: null,
      until: null,
      progress: null,
    },
  ],
})

const ends: (() => unknown)[] = []
const { url } = await world.serve({ teardown: (end) => void ends.push(end) })
const browser = await launchChromium()
await mkdir(join(root, 'docs/images'), { recursive: true })
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 800 } })
  await page.goto(`${url}/ui/`)
  await page.locator('[data-node="node-2"]').getByRole('checkbox').check()
  await page.getByText('Copy the commands').waitFor()
  const path = join(root, `docs/images/ui-${colorScheme}.png`)
  await page.screenshot({ path, fullPage: true })
  console.log(`${path} is made`)
}
await browser.close()
for (const end of ends) await end()

function records(): Partial<AuditRecord>[] {
  const held =
    'evicting disk-2 of node-1 has to wait: backing image ubuntu-22.04 is still being removed from disk-1 (for 12s)'
  const denied = 'removing the copy of windows-2025 on disk-6 of node-3 is denied: it is the last usable copy'
  const finding = { subjects: [], clears: 'Wait until another copy is ready.' }
  return [
    {
      uid: '1',
      verdict: 'refuse',
      object: { kind: 'BackingImage', name: 'windows-2025' },
      findings: [
        { ...finding, rule: 'last-usable-copy', effect: 'refuse', message: `${denied}. No other has it.` },
      ],
    },
    {
      uid: '2',
      actor: { user: 'anna', groups: [] },
      findings: [
        { ...finding, rule: 'eviction-during-cleanup', effect: 'hold', message: `${held}. It crashes.` },
      ],
    },
  ]
}
