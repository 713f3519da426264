import t from 'tap'
import { eventsIn } from '../../src/commands/ui/event-lines.ts'
import { EventStream } from '../../src/page/event-stream.ts'
import type { State } from '../../src/page/state-schema.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { disk } from '../fixtures/raw-objects.ts'
import { PageWorld, smallCluster } from './page-world.ts'

/** A stream to a reader that takes what it gets, or not. */
function streaming(data: string) {
  const clock = new FakeClock()
  const written: string[] = []
  const on: Record<string, () => void> = {}
  const reader = { takes: true, gone: 0 }
  const response = {
    write: (bytes: Uint8Array) => {
      written.push(Buffer.from(bytes).toString())
      return reader.takes
    },
    on: (name: 'drain' | 'close', call: () => void) => (on[name] = call),
    destroy: () => (reader.gone += 1),
    destroyed: false,
  }
  const stream = new EventStream(response, () => [{ name: 'state', data }], clock)
  return { clock, written, reader, stream, drain: () => on.drain?.(), close: () => on.close?.() }
}

t.test('a reader that is slow misses what happens meanwhile, and then gets everything anew', (t) => {
  const { clock, written, reader, stream, drain } = streaming('{}')
  reader.takes = false
  stream.begin()
  stream.send({ name: 'change', data: '1' })
  stream.send({ name: 'change', data: '2' })
  t.equal(written.length, 1, 'the stream stores no events for a slow reader')
  reader.takes = true
  drain()
  t.match(written.slice(1), [/^event: state\n/], 'the stream sends the whole state once')
  drain()
  t.equal(written.length, 2)
  reader.takes = false
  stream.send({ name: 'change', data: '3' })
  clock.advance(30_000)
  t.equal(reader.gone, 1, 'the stream disconnects a reader that takes nothing')
  t.end()
})

t.test('a stream that is closed while its reader is slow leaves no timer', (t) => {
  const { clock, reader, stream, close } = streaming('{}')
  reader.takes = false
  stream.begin()
  t.equal(clock.pending, 1)
  close()
  t.equal(clock.pending, 0)
  clock.advance(30_000)
  t.equal(reader.gone, 0, 'the stream does not destroy a closed connection')
  t.end()
})

t.test('an event that comes while a stream is set up is part of the first state', (t) => {
  const { written, stream, drain } = streaming('{}')
  stream.send({ name: 'change', data: '1' })
  stream.begin()
  drain()
  t.match(written, [/^retry: \d+\n\nevent: state\n/])
  t.end()
})

t.test('a reader on a slow line gets a large state, however long it takes', (t) => {
  const data = JSON.stringify('€'.repeat(200_000))
  const { clock, written, reader, stream, drain } = streaming(data)
  reader.takes = false
  stream.begin()
  for (let chunk = 0; chunk < 100; chunk++) {
    clock.advance(20_000)
    drain()
  }
  t.equal(reader.gone, 0)
  t.ok(
    written.every((each) => Buffer.byteLength(each) <= 70_000),
    'each write is small',
  )
  t.equal(written.length, 10)
  t.end()
})

t.test('a large state arrives as it was sent', async (t) => {
  const objects = smallCluster()
  for (let node = 0; node < 1_000; node++) objects.node(`n${node}`, [disk(`ü€${node}`)])
  const { url } = await new PageWorld(objects).serve(t)
  const response = await fetch(`${url}/api/v1/events`)
  if (!response.body) throw new Error('there is no stream')
  for await (const { data } of eventsIn(response.body)) {
    t.equal((JSON.parse(data) as State).nodes.find(({ name }) => name === 'n999')?.disks[0]?.name, 'ü€999')
    break
  }
})
