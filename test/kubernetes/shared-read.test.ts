import t from 'tap'
import { SharedRead, SharedReads } from '../../src/kubernetes/shared-reads.ts'
import { turns } from '../fixtures/eventually.ts'

/** A read that the test ends, with a list of its calls. */
function controlled() {
  const begun: { resolve: (value: number) => void; reject: (error: Error) => void }[] = []
  const read = new SharedRead<number>(
    () => new Promise((resolve, reject) => void begun.push({ resolve, reject })),
  )
  return { read, begun }
}

const patient = new AbortController().signal

t.test('a caller during a read shares the next one, which begins later', async (t) => {
  const { read, begun } = controlled()
  const one = read.get(patient)
  await turns()
  const others = [read.get(patient), read.get(patient), read.get(patient)]
  await turns()
  t.equal(begun.length, 1)
  begun[0]?.resolve(1)
  t.equal(await one, 1)
  await turns()
  t.equal(begun.length, 2)
  const last = read.get(patient)
  begun[1]?.resolve(2)
  t.strictSame(await Promise.all(others), [2, 2, 2])
  await turns()
  begun[2]?.resolve(3)
  t.equal(await last, 3)
})

t.test('callers in one turn of the event loop share one read', async (t) => {
  const { read, begun } = controlled()
  const together = [read.get(patient), Promise.resolve().then(() => read.get(patient)), read.get(patient)]
  await turns()
  t.equal(begun.length, 1)
  begun[0]?.resolve(1)
  t.strictSame(await Promise.all(together), [1, 1, 1])
})

t.test('one after the other read for themselves', async (t) => {
  const { read, begun } = controlled()
  for (const value of [1, 2]) {
    const got = read.get(patient)
    await turns()
    begun[value - 1]?.resolve(value)
    t.equal(await got, value)
    await turns()
  }
  t.equal(begun.length, 2)
})

t.test('a failed read fails for its callers, and not for later ones', async (t) => {
  const { read, begun } = controlled()
  const one = read.get(patient)
  await turns()
  const other = read.get(patient)
  begun[0]?.reject(new Error('no answer'))
  await t.rejects(one, { message: 'no answer' })
  await turns()
  begun[1]?.resolve(2)
  t.equal(await other, 2)
})

t.test('a caller that gives up leaves the read to the others', async (t) => {
  const { read, begun } = controlled()
  const one = read.get(patient)
  await turns()
  const leaving = new AbortController()
  const two = read.get(leaving.signal)
  const three = read.get(patient)
  leaving.abort(new Error('the time is up'))
  await t.rejects(two, { message: 'the time is up' })
  begun[0]?.resolve(1)
  t.equal(await one, 1)
  await turns()
  begun[1]?.resolve(2)
  t.equal(await three, 2)
})

t.test('each key has a separate read, kept only while it has callers', async (t) => {
  const reads = new SharedReads<string>()
  const asked: string[] = []
  const get = (key: string) =>
    reads.get(
      key,
      () => {
        asked.push(key)
        return Promise.resolve(`read ${key}`)
      },
      patient,
    )
  t.strictSame(await Promise.all(['a', 'b', 'a'].map(get)), ['read a', 'read b', 'read a'])
  t.strictSame(asked, ['a', 'b'])
  t.equal(reads.size, 0)
  await get('a')
  t.strictSame(asked, ['a', 'b', 'a'])
})
