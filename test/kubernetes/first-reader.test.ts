import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { type Entry, unownedDisks, writesOf } from '../../src/gate/reservation-book.ts'
import type { Intent, Reservation } from '../../src/gate/reservation.ts'
import { entryOf, leaseOf } from '../../src/kubernetes/leases/lease-format.ts'
import { firstVersion, withoutHistory as skip } from '../e2e/first-version.ts'

/** The first version's own reader and writer of Leases, as it was committed. */
interface FirstFormat {
  readonly pageOf: (raw: unknown) => ReturnType<typeof entryOf>
  readonly leaseOf: typeof leaseOf
}

const writer = { replica: 'holdfast-0', now: Date.parse('2026-01-01T12:00:00Z') }

function reservation(intent: Intent, more: Partial<Reservation> = {}): Reservation {
  return {
    kind: 'Node',
    name: 'node-1',
    uid: 'a-uid',
    resourceVersion: '7',
    intent,
    disks: ['disk-uuid'],
    deadline: writer.now + 70_000,
    lastsMs: 70_000,
    by: 'holdfast-0',
    stamp: 'holdfast-0/process/1',
    ...more,
  }
}

/** As the API server stores a Lease. */
function stored(lease: ReturnType<typeof leaseOf>): object {
  return { ...lease, metadata: { ...lease.metadata, resourceVersion: '8' } }
}

t.test('the first version and this one read each other’s Leases', { skip }, async (t) => {
  const { program } = firstVersion(join(t.testdir(), 'first'))
  const file = join(program.at(-1) ?? '', '../kubernetes/lease-reservations.ts')
  const first = (await import(pathToFileURL(file).href)) as FirstFormat
  const intents = ['eviction', 'removal', 'placement', 'keep'] as const
  const reservations = intents.map((intent) => reservation(intent))
  const pages: readonly Entry[] = [
    { key: 'node-1', version: '7', reservations, marks: { Node: '6', BackingImage: '5' } },
    { key: unownedDisks, version: '7', reservations: [reservation('removal', { pinned: true })] },
    { key: 'node-2', version: '7', reservations: [] },
  ]

  t.test('the first version reads the reservations of this one, and ignores new fields', (t) => {
    for (const page of pages) {
      const read = first.pageOf(stored(leaseOf(page, writer)))
      t.match(read, { ok: true, value: { key: page.key, version: '8' } })
      const kept = read?.ok === true ? read.value.reservations : []
      t.match(
        kept,
        page.reservations.map(({ intent, disks, deadline, stamp }) => ({ intent, disks, deadline, stamp })),
      )
    }
    t.end()
  })

  t.test('the first version leaves the Leases of a proxy alone, and says so', (t) => {
    const key = writesOf('Node', 'node-1')
    const page = { key, version: '7', reservations: [reservation('write', { pinned: true })] }
    t.match(first.pageOf(stored(leaseOf(page, writer))), { ok: false, problem: /is not what Holdfast wrote/ })
    t.end()
  })

  t.test('this version reads the reservations of the first one', (t) => {
    for (const page of pages) {
      const plain = page.reservations.map((each) => ({ ...each, lastsMs: undefined, pinned: undefined }))
      const read = entryOf(stored(first.leaseOf({ ...page, reservations: plain }, writer)))
      t.match(read, { ok: true, value: { key: page.key, version: '8' } })
      t.equal(read?.ok === true ? read.value.reservations.length : 0, page.reservations.length)
      t.equal(read?.ok === true ? read.value.marks : 'none', undefined, 'the first version writes no marks')
    }
    t.end()
  })
})
