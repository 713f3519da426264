import t from 'tap'
import { servePage } from '../../src/commands/ui/live-page.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { readsAnswers } from '../fixtures/still-sending.ts'
import { PageWorld, smallCluster } from '../page/page-world.ts'

t.test('a client that goes on sending reads the whole answer, and is not read for long', async (t) => {
  const timers = new FakeClock()
  const page = await servePage(new PageWorld(smallCluster(), timers).source, 0, timers)
  t.teardown(() => page.close())
  const port = Number(new URL(page.url).port)
  const cases = [
    ['no HTTP\r\n\r\n', /^HTTP\/1\.1 400 [^]*{"error":"This is not an HTTP\/1\.1 request\."}$/],
    [
      `GET /ui/ HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`,
      /^HTTP\/1\.1 431 [^]*headers of the request are too large/,
    ],
  ] as const
  await readsAnswers(t, { port }, cases, () => timers.advance(1_000))
})
