import type { Test } from 'tap'
import type { Reservation } from '../../src/gate/reservation.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { eventually } from '../fixtures/eventually.ts'

const awaited = new AbortController().signal

/** A reservation that differs from others by its stamp. */
export function reservation(stamp: string): Reservation {
  return {
    kind: 'BackingImage',
    name: 'ubuntu-22.04',
    uid: '4123da49-484e-4c14-8e6a-087c3b477801',
    resourceVersion: '1234',
    intent: 'removal',
    disks: ['54982ab1-1dc1-4592-8f85-69df8a45d0e7'],
    deadline: Date.parse('2026-11-23T12:01:10.123Z'),
    by: 'holdfast-0',
    stamp,
  }
}

/**
 * The behaviour of every book, whatever its storage.
 *
 * @param open two views of one fresh book, as two replicas have them; the same one twice if there is only one
 */
export function bookContract(t: Test, open: (t: Test) => Promise<[ReservationBook, ReservationBook]>): void {
  t.test('an entry without writes is empty and has no version', async (t) => {
    const [book] = await open(t)
    for (const entry of [book.seen('n1'), await book.read('n1', awaited)]) {
      t.strictSame(entry, { key: 'n1', version: undefined, reservations: [] })
    }
    t.strictSame([...book.entries()], [])
  })

  t.test('a swapped entry is visible at once to its writer and to all readers', async (t) => {
    const [book, other] = await open(t)
    const written = [
      reservation('a'),
      { ...reservation('b'), disks: 'any' as const, intent: 'eviction' as const },
    ]
    const entry = await book.swap(await book.read('n1', awaited), { reservations: written }, awaited)
    t.match(entry, { key: 'n1', version: String })
    t.strictSame(entry?.reservations, written)
    t.strictSame(book.seen('n1'), entry)
    t.strictSame([...book.entries()], [entry])
    t.strictSame(await other.read('n1', awaited), entry)
    await eventually(() => other.seen('n1')?.version === entry?.version)
    t.strictSame(other.seen('n1'), entry)
    t.strictSame([...other.entries()], [entry])
  })

  t.test('only the first of two swaps of the same entry succeeds', async (t) => {
    const [book, other] = await open(t)
    const fresh = await book.read('n1', awaited)
    const first = await book.swap(fresh, { reservations: [reservation('a')] }, awaited)
    if (!first) throw new Error('the first is not in anybody’s way')
    t.equal(
      await other.swap(fresh, { reservations: [reservation('b')] }, awaited),
      undefined,
      'when it is made',
    )
    t.ok(await other.swap(first, { reservations: [reservation('c')] }, awaited))
    t.equal(
      await book.swap(first, { reservations: [reservation('d')] }, awaited),
      undefined,
      'when it is changed',
    )
    t.equal(await book.swap(first, { reservations: [] }, awaited), undefined, 'when it is removed')
    t.match((await book.read('n1', awaited)).reservations, [{ stamp: 'c' }])
  })

  t.test('an entry without reservations is removed, and can be created again', async (t) => {
    const [book, other] = await open(t)
    const fresh = await book.read('n1', awaited)
    t.match(
      await book.swap(fresh, { reservations: [] }, awaited),
      { version: undefined },
      'nothing to remove',
    )
    const entry = await book.swap(fresh, { reservations: [reservation('a')] }, awaited)
    if (!entry) throw new Error('nobody was in the way')
    await eventually(() => other.seen('n1')?.version === entry.version)
    t.match(await book.swap(entry, { reservations: [] }, awaited), { version: undefined, reservations: [] })
    t.strictSame([...book.entries()], [])
    await eventually(() => other.seen('n1')?.version === undefined)
    t.equal(
      await other.swap(entry, { reservations: [reservation('b')] }, awaited),
      undefined,
      'that entry is no more',
    )
    t.equal(await other.swap(entry, { reservations: [] }, awaited), undefined)
    t.ok(await other.swap(await other.read('n1', awaited), { reservations: [reservation('b')] }, awaited))
    await eventually(() => book.seen('n1')?.reservations[0]?.stamp === 'b')
  })

  t.test('an entry with marks stays without reservations, and loses marks that are left out', async (t) => {
    const [book, other] = await open(t)
    const fresh = await book.read('n1', awaited)
    const marks = { BackingImage: '12', Node: '7' }
    const marked = await book.swap(fresh, { reservations: [], marks }, awaited)
    t.match(marked, { version: String, reservations: [], marks })
    t.match(await other.read('n1', awaited), { marks })
    if (!marked) throw new Error('nobody was in the way')
    const bare = await book.swap(marked, { reservations: [reservation('a')] }, awaited)
    t.equal((await other.read('n1', awaited)).marks, undefined)
    t.match(bare, { reservations: [{ stamp: 'a' }] })
  })

  t.test('the changes before an entry are known once it was watched', async (t) => {
    const [book, other] = await open(t)
    const entry = await book.swap(await book.read('n1', awaited), { reservations: [], marks: {} }, awaited)
    if (!entry) throw new Error('nobody was in the way')
    for (const each of [book, other]) {
      await eventually(() => each.markedSince(entry) !== undefined)
      t.ok((each.markedSince(entry) ?? Infinity) < Infinity)
    }
  })

  t.test('entries are independent', async (t) => {
    const [book] = await open(t)
    for (const key of ['n1', 'n2', '(unowned disks)']) {
      t.ok(await book.swap(await book.read(key, awaited), { reservations: [reservation(key)] }, awaited))
    }
    t.strictSame([...book.entries()].map(({ key }) => key).toSorted(), ['(unowned disks)', 'n1', 'n2'])
    t.match(book.seen('n2')?.reservations, [{ stamp: 'n2' }])
  })

  t.test('a subscriber gets each entry that changes, until it unsubscribes', async (t) => {
    const [book, other] = await open(t)
    const changed: string[] = []
    const end = other.subscribe((key) => changed.push(key))
    const entry = await book.swap(
      await book.read('n1', awaited),
      { reservations: [reservation('a')] },
      awaited,
    )
    await eventually(() => changed.includes('n1'))
    end()
    changed.length = 0
    if (entry) await book.swap(entry, { reservations: [] }, awaited)
    await eventually(() => other.seen('n1')?.version === undefined)
    t.strictSame(changed, [])
  })

  t.test('a caller that stops waiting gets no answer', async (t) => {
    const [book] = await open(t)
    const entry = await book.read('n1', awaited)
    const gone = AbortSignal.abort(new Error('gone'))
    await t.rejects(book.read('n1', gone))
    await t.rejects(book.swap(entry, { reservations: [reservation('a')] }, gone))
  })
}
