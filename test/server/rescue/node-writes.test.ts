import t from 'tap'
import type { ApiRequest } from '../../../src/kubernetes/client/exchange.ts'
import { ConnectionFailure } from '../../../src/kubernetes/client/failures.ts'
import { overrideIgnored } from '../../../src/gate/answer.ts'
import { readRescueNote, rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { NodeWrites } from '../../../src/server/rescue/node-writes.ts'
import type { GuardWrite, WriteResult } from '../../../src/server/rescue/tend-node.ts'
import { cluster, noon, releases } from '../../fixtures/cluster.ts'
import { disk } from '../../fixtures/raw-objects.ts'

const d1 = { node: false, disks: ['d1'] }
const raise: GuardWrite = { step: 'raise', flags: d1 }
const clear = { step: 'clear', flags: d1, cleanups: [] } as const
const timeUp = new DOMException('there was no answer within 35 s', 'TimeoutError')

/** What a write of n1 comes to, and what was sent. @param answer of the API server; an error if there is none */
async function write(
  step: GuardWrite,
  answer: (isDryRun: boolean) => Error | number = () => 200,
  notedBy?: string,
): Promise<{ tried: WriteResult; sent: unknown[]; problems: unknown[] }> {
  const note = JSON.stringify({ ...d1, at: '', by: notedBy })
  const metadata = notedBy === undefined ? {} : { annotations: { [rescueAnnotation]: note } }
  const flagged = disk('d1', { evictionRequested: true, allowScheduling: false })
  const node = cluster(releases.A).node('n1', [flagged], { metadata }).map.node('n1')
  if (!node) throw new Error('there is no n1')
  const [sent, problems]: [unknown[], unknown[]] = [[], []]
  const writes = new NodeWrites({
    connection: {
      ...{ server: 'http://nowhere', namespace: undefined, inPod: false, close: () => undefined },
      request: ({ body, query }: ApiRequest) => {
        const isDryRun = query?.dryRun !== undefined
        const status = answer(isDryRun)
        if (status instanceof Error) return Promise.reject(status)
        if (!isDryRun) sent.push(JSON.parse(String(body)))
        const json = status === 200 ? { metadata: { resourceVersion: '2' } } : { message: 'no' }
        return Promise.resolve({
          ...{ status, headers: { warning: overrideIgnored }, body: nothing() },
          text: () => Promise.resolve(JSON.stringify(json)),
        })
      },
    },
    ...{ longhornNamespace: 'longhorn-system', signal: new AbortController().signal },
    reads: { object: () => Promise.reject(new Error('it reads nothing here')) },
    by: () => 'guard',
    now: () => noon,
    onProblem: (error) => problems.push(error),
  })
  return { tried: await writes.write(node, step, () => Promise.resolve()), sent, problems }
}

async function* nothing(): AsyncGenerator<Buffer, void> {
  await Promise.resolve()
  yield Buffer.of()
}

/** The note in the only write. */
function noteIn([sent]: readonly unknown[]) {
  const { metadata } = sent as { metadata: { annotations: Record<string, string> } }
  return readRescueNote(metadata.annotations[rescueAnnotation] ?? '')
}

t.test('the note of a person stays theirs when the guard clears more', async (t) => {
  const { sent } = await write(clear, undefined, 'ann')
  t.match(noteIn(sent), { ok: true, value: { by: 'ann', guard: undefined } })
})

t.test('the guard notes flags that it clears alone as its own', async (t) => {
  const own: GuardWrite = { ...clear, guard: { generation: 2 } }
  t.match(noteIn((await write(own)).sent), { ok: true, value: { by: 'guard', guard: { generation: 2 } } })
  t.match(noteIn((await write(own, undefined, 'ann')).sent), { ok: true, value: { by: 'guard' } })
})

t.test('a raise without an answer may be written, and a dry run without one is not', async (t) => {
  for (const error of [timeUp, new ConnectionFailure('cut', 'cut')]) {
    const during = await write(raise, (isDryRun) => (isDryRun ? 200 : error))
    t.match(during.tried, { outcome: 'failed', mayBeWritten: true })
    const before = await write(raise, (isDryRun) => (isDryRun ? error : 200))
    t.match(before.tried, { outcome: 'failed', mayBeWritten: undefined })
    t.strictSame(before.sent, [])
  }
  const denied = await write(raise, (isDryRun) => (isDryRun ? 200 : 403))
  t.match(denied.tried, { outcome: 'failed', mayBeWritten: undefined })
})

t.test('a write without an answer in time is tried again soon', async (t) => {
  const { tried, problems } = await write(clear, () => timeUp)
  t.match(tried, { outcome: 'failed', ms: 1_000 })
  t.strictSame(problems, [timeUp])
  t.match(await write(clear, () => 403), { tried: { ms: 60_000 } }, 'a missing right is not mended that soon')
})
