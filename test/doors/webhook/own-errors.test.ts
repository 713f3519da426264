import t, { type Test } from 'tap'
import { asJson, LastAnswers } from '../../../src/tls/last-answers.ts'
import { defaultConnectionOptions } from '../../../src/doors/webhook/connection-options.ts'
import { endpoint } from '../../../src/doors/webhook/endpoint.ts'
import type { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import { fakes } from './fake-gate.ts'
import { node, review } from './review-builder.ts'
import { testCertificates } from './test-certificates.ts'

const { serving } = await testCertificates()

const evict = review('Node', {
  before: node({ evictionRequested: false }),
  after: node({ evictionRequested: true }),
})

const bug = (): never => {
  throw new Error('a bug')
}

/** The endpoint without a socket, and with a reviewer that has bugs. */
function open(t: Test, reviewer: Partial<Pick<Reviewer, 'review' | 'unread' | 'known'>>) {
  const { log } = fakes()
  const app = endpoint(serving, defaultConnectionOptions, {
    reviewer: { known: () => undefined, review: bug, unread: bug, ...reviewer },
    lastAnswers: new LastAnswers({ inWords: asJson }),
    leaving: new AbortController().signal,
    log,
    now: () => performance.now(),
  })
  t.teardown(() => app.close())
  const post = (payload: string, contentType = 'application/json') =>
    app.inject({
      method: 'POST',
      url: '/validate?timeout=10s',
      payload,
      headers: { 'content-type': contentType },
    })
  return { app, log, post }
}

const text = JSON.stringify(evict)

/** A review as API servers begin it, with more values than are read. */
const tooMany = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","object":[${'0,'.repeat(350_000)}0]}}`

const places: readonly (readonly [where: string, reviewer: Parameters<typeof open>[1], body: string])[] = [
  ['a review', {}, text],
  ['a review, later', { review: () => Promise.reject(new Error('a bug')) }, text],
  ['a text that may be known', { known: bug }, text],
  ['a review that is not read', {}, tooMany],
]

for (const [where, reviewer, body] of places) {
  t.test(`an error of our own in ${where} is answered and logged`, async (t) => {
    for (const contentType of ['application/json', 'application/json; charset=utf-8']) {
      const { log, post } = open(t, reviewer)
      const answer = await post(body, contentType)
      t.equal(answer.statusCode, 500)
      t.match(answer.json(), { code: 500, message: 'Holdfast failed to answer; its log says why.' })
      t.match(log.lines, [{ level: 'error', fields: { err: { message: 'a bug' }, path: '/validate' } }])
      t.notMatch(JSON.stringify(log.lines), 'timeout=')
    }
  })
}

t.test('a review whose client goes away before its turn is not read, and takes no place', async (t) => {
  const { app, log, post } = open(t, {})
  app.addHook('preHandler', ({ raw }, reply, done) => {
    Object.defineProperty(raw.socket, 'destroyed', { value: true })
    done()
    reply.raw.destroy()
  })
  await t.rejects(post(text, 'application/json; charset=utf-8'))
  t.same(log.lines, [], 'no reviewer is asked')
})
