import { execFileSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { longestPipeMs, readBounded, readBoundedStream, TooManyBytes } from '../../src/text/bounded-file.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

const most = 2 ** 20

function pipeIn(t: Test): string {
  const path = join(t.testdir({}), 'pipe')
  execFileSync('mkfifo', [path])
  return path
}

t.test('a file up to the limit is read whole', async (t) => {
  const text = 'x'.repeat(most)
  const path = join(t.testdir({ file: text }), 'file')
  t.equal((await readBounded(path, most)).toString(), text)
})

t.test('a file of one byte more is refused with the limit', async (t) => {
  const path = join(t.testdir({ file: 'x'.repeat(most + 1) }), 'file')
  await t.rejects(readBounded(path, most), { message: 'it is larger than 1 MiB, the limit for it' })
})

t.test('a device without an end is refused after the limit', async (t) => {
  await t.rejects(readBounded('/dev/zero', most), TooManyBytes)
  t.equal((await readBounded('/dev/null', most)).length, 0)
})

t.test('a stream without an end is refused after the limit', async (t) => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65_536)
    })(),
  )
  await t.rejects(readBoundedStream(endless, most), TooManyBytes)
  t.ok(endless.destroyed, 'nothing more is read')
})

t.test('a pipe is read to its end, also if its writer comes later', async (t) => {
  const path = pipeIn(t)
  const content = readBounded(path, most)
  await pipeline(Readable.from(['some ', 'text']), createWriteStream(path))
  t.equal((await content).toString(), 'some text')
})

t.test('a pipe with more than the limit is refused', async (t) => {
  const path = pipeIn(t)
  const refused = t.rejects(readBounded(path, most), TooManyBytes)
  const written = pipeline(Readable.from([Buffer.alloc(2 * most)]), createWriteStream(path))
  await refused
  await t.rejects(written, { code: 'EPIPE' })
})

t.test('a pipe without a writer is given up after two minutes', async (t) => {
  const clock = new FakeClock()
  const given = t.rejects(readBounded(pipeIn(t), most, { clock }), {
    message: 'it is a pipe, and its writer did not end within 120 s',
  })
  await eventually(() => clock.pending === 1)
  clock.advance(longestPipeMs)
  await given
})

t.test('a pipe without a writer ends with the signal', async (t) => {
  const stop = new AbortController()
  const reading = readBounded(pipeIn(t), most, { signal: stop.signal })
  setImmediate(() => stop.abort())
  await t.rejects(reading, { name: 'AbortError' })
  await t.rejects(readBounded('/dev/null', most, { signal: stop.signal }), { name: 'AbortError' })
})

t.test('a file that is missing, or a folder, is an error of Node', async (t) => {
  const folder = t.testdir({ file: '' })
  await rm(join(folder, 'file'))
  await t.rejects(readBounded(join(folder, 'file'), most), { code: 'ENOENT' })
  await t.rejects(readBounded(folder, most), { code: 'EISDIR' })
})

t.test('a reading that is aborted before its file is open ends at once', async (t) => {
  for (const path of ['/dev/zero', pipeIn(t)]) {
    const stop = new AbortController()
    const reading = readBounded(path, most, { signal: stop.signal })
    stop.abort(new Error('the guard stops'))
    await t.rejects(reading, { message: 'the guard stops' }, path)
    // An error that no listener hears of would end the process in the next turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
})
