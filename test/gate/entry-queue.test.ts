import t from 'tap'
import { InProcessBook, type Entry, type ReservationBook } from '../../src/gate/reservation-book.ts'
import { EntryQueue, type Edit } from '../../src/gate/entry-queue.ts'
import { turns } from '../fixtures/eventually.ts'
import { reservation } from './reservation-book-contract.ts'

const awaited = new AbortController().signal

/** Puts a reservation on an entry. */
const adds =
  (stamp: string): Edit<string> =>
  ({ reservations, marks }) =>
    Promise.resolve({
      next: { reservations: [...reservations, reservation(stamp)], marks },
      result: stamp,
    })

/** A book whose swaps are preceded by what the test wants, and the edits of one swap, gathered while a first one waits. */
function gathering() {
  const stored = new InProcessBook()
  let beforeSwap: (entry: Entry) => Promise<void> = () => Promise.resolve()
  const book: ReservationBook = {
    seen: (key) => stored.seen(key),
    entries: () => stored.entries(),
    read: (key, signal) => stored.read(key, signal),
    markedSince: () => stored.markedSince(),
    subscribe: (listener) => stored.subscribe(listener),
    swap: async (entry, contents, signal) => {
      await beforeSwap(entry)
      return await stored.swap(entry, contents, signal)
    },
  }
  const queue = new EntryQueue(book)
  let begin: () => void = () => undefined
  const waits = new Promise<void>((resolve) => (begin = resolve))
  const first = queue.edit('n1', () => waits.then(() => ({ result: undefined })), { signal: awaited })
  return {
    queue,
    stamps: () => stored.seen('n1').reservations.map(({ stamp }) => stamp),
    before: (hook: typeof beforeSwap) => (beforeSwap = hook),
    /** Another writer is quicker, once. */
    overtaken: async (entry: Entry) => {
      beforeSwap = () => Promise.resolve()
      await stored.swap(entry, { reservations: [reservation('other')] }, awaited)
    },
    begin: async () => {
      begin()
      await first
    },
  }
}

t.test('edits during a swap share the next one', async (t) => {
  const { queue, stamps, before, begin } = gathering()
  let swaps = 0
  before(() => {
    swaps += 1
    return Promise.resolve()
  })
  const edits = ['a', 'b'].map((stamp) => queue.edit('n1', adds(stamp), { signal: awaited }))
  await begin()
  t.match(await Promise.all(edits), [{ result: 'a' }, { result: 'b' }])
  t.strictSame(stamps(), ['a', 'b'])
  t.equal(swaps, 1)
})

t.test('a caller that gives up before another writer is quicker is not edited in again', async (t) => {
  const { queue, stamps, before, overtaken, begin } = gathering()
  const client = new AbortController()
  before(async (entry) => {
    client.abort(new Error('gone'))
    await overtaken(entry)
  })
  const a = t.rejects(queue.edit('n1', adds('a'), { signal: client.signal }), { message: 'gone' })
  const b = queue.edit('n1', adds('b'), { signal: awaited })
  await begin()
  await a
  t.match(await b, { result: 'b' })
  t.strictSame(stamps(), ['other', 'b'])
})

t.test('a caller that gives up during its own edit is not edited in', async (t) => {
  const { queue, stamps, begin } = gathering()
  const client = new AbortController()
  const slow: Edit<string> = async (contents, stored) => {
    client.abort(new Error('gone'))
    await turns(2)
    return await adds('a')(contents, stored)
  }
  const a = t.rejects(queue.edit('n1', slow, { signal: client.signal }), { message: 'gone' })
  const b = queue.edit('n1', adds('b'), { signal: awaited })
  await begin()
  await a
  await b
  t.strictSame(stamps(), ['b'])
})

t.test('a caller that gives up during another edit of the swap is not edited in', async (t) => {
  const { queue, stamps, begin } = gathering()
  const client = new AbortController()
  const b = queue.edit(
    'n1',
    async (contents, stored) => {
      client.abort(new Error('gone'))
      await turns(2)
      return await adds('b')(contents, stored)
    },
    { signal: awaited },
  )
  const a = t.rejects(queue.edit('n1', adds('a'), { signal: client.signal }), { message: 'gone' })
  await begin()
  await a
  await b
  t.strictSame(stamps(), ['b'])
})

t.test('a failed edit is not repeated after another writer was quicker', async (t) => {
  const { queue, stamps, before, overtaken, begin } = gathering()
  before(overtaken)
  let calls = 0
  const once: Edit<string> = (contents, stored) =>
    calls++ === 0 ? Promise.reject(new Error('no answer')) : adds('a')(contents, stored)
  const a = t.rejects(queue.edit('n1', once, { signal: awaited }), { message: 'no answer' })
  const b = queue.edit('n1', adds('b'), { signal: awaited })
  await begin()
  await a
  await b
  t.strictSame(stamps(), ['other', 'b'])
  t.equal(calls, 1)
})

t.test('if all edits failed, nothing is written', async (t) => {
  const { queue, before, begin } = gathering()
  before(() => Promise.reject(new Error('must not be asked')))
  const failing: Edit<string> = () => Promise.reject(new Error('no answer'))
  const a = t.rejects(queue.edit('n1', failing, { signal: awaited }), { message: 'no answer' })
  await begin()
  await a
})
