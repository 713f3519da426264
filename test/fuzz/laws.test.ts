import t from 'tap'
import { campaign } from './campaign.ts'
import { growthIn } from './heap.ts'
import { readAnswers } from './http-answers.ts'
import { MeasuredCases } from './measured-cases.ts'
import { StraightLine } from './straight.ts'
import { Surprises } from './surprises.ts'
import { askedIn, judged } from './well-formed.ts'

const asked = askedIn(Buffer.from('{"request":{"uid":"a"}}'))
const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }
const response = { uid: 'a', allowed: true, auditAnnotations: {} }
const denied = { ...response, allowed: false, status: { code: 403, message: 'no', details: {} } }

t.test('the answer to a review is distinguished from other answers', (t) => {
  const wrong = (given: object, status = 200) =>
    'problem' in judged(asked, status, JSON.stringify({ ...answer, ...given }))
  t.notOk(wrong({ response }))
  t.notOk(wrong({ response: denied }))
  t.ok(wrong({ response }, 500))
  t.ok(wrong({ response: { ...response, uid: 'b' } }))
  t.ok(wrong({ response: { ...response, allowed: 'yes' } }))
  t.ok(wrong({ response: { ...response, warnings: ['\u001b'] } }))
  t.ok(wrong({ response: { ...response, allowed: false } }))
  t.ok(wrong({ response: { ...denied, status: { ...denied.status, message: '\u202e' } } }))
  t.ok(wrong({ response, kind: 'Review' }))
  t.match(judged(asked, 200, '{'), { problem: /no JSON/ })
  t.end()
})

t.test('a request that is no review must be answered 4xx', (t) => {
  for (const body of ['{', '{}', '{"request":{"uid":""}}', '{"request":{"uid":1}}']) {
    t.equal(askedIn(Buffer.from(body)), undefined)
    t.strictSame(judged(undefined, 400, '{"kind":"Status","message":"no"}'), { allowed: undefined })
    t.match(judged(undefined, 200, '{"kind":"Status","message":"no"}'), { problem: /has to be 4xx/ })
  }
  t.end()
})

t.test('a review is read as JSON, however deep a part of it is', (t) => {
  const deep = (open: number, closed: number) =>
    Buffer.from(`{"request":{"uid":"a","object":${'['.repeat(open)}${']'.repeat(closed)}}}`)
  t.match(askedIn(deep(3_000, 3_000)), { uid: 'a' })
  t.equal(askedIn(deep(3_000, 2_999)), undefined)
  t.equal(askedIn(deep(2_999, 3_000)), undefined)
  t.end()
})

const head = 'HTTP/1.1 200 OK\r\n'
const cases: readonly (readonly [what: string, bytes: string, ended: boolean, state: string])[] = [
  ['an answer with a length', `${head}Content-Length: 2\r\n\r\nhi`, false, 'whole'],
  ['an answer in chunks', `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, false, 'whole'],
  ['an answer that ends with its connection', `${head}\r\nhi`, true, 'whole'],
  [
    'an interim answer and the answer',
    `HTTP/1.1 100 Continue\r\n\r\n${head}Content-Length: 0\r\n\r\n`,
    false,
    'whole',
  ],
  ['an answer that goes on', `${head}Content-Length: 3\r\n\r\nhi`, false, 'part'],
  ['an answer that is cut off', `${head}Content-Length: 3\r\n\r\nhi`, true, 'broken'],
  ['chunks that are cut off', `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n`, true, 'broken'],
  ['two lengths', `${head}Content-Length: 0\r\nContent-Length: 1\r\n\r\n`, true, 'broken'],
  ['a header that is none', `${head}Content Length: 0\r\n\r\n`, true, 'broken'],
  ['no HTTP', 'hello\r\n\r\n', false, 'broken'],
]
for (const [what, bytes, ended, state] of cases) {
  t.test(`${what} is ${state}`, (t) => {
    t.equal(readAnswers(Buffer.from(bytes), ended, false).state, state)
    t.end()
  })
}

t.test('a server that never answers gives no answer, and the wait ends', async (t) => {
  const line = new StraightLine((request) => request.resume(), 20)
  t.match(await line.post({ url: '/', body: Buffer.from('hi') }), { statuses: [] })
})

t.test('an answer to a request that goes past the network is read as bytes', async (t) => {
  const line = new StraightLine((request, response) => {
    request.on('data', (body: Buffer) => {
      if (request.url === '/close') request.socket.destroy()
      else response.end(body)
    })
  })
  const post = (url: string) => line.post({ url, body: Buffer.from('hi') })
  t.match(await post('/'), { state: 'whole', statuses: [200], lastBody: Buffer.from('hi') })
  t.match(await post('/close'), { state: 'whole', statuses: [] })
  t.match(await post('/'), { statuses: [200] }, 'after that it has another connection')
  line.close()
})

t.test('a growing heap is distinguished from a stable one', (t) => {
  const sizes = Array.from({ length: 40 }, (_, at) => 20 + (at % 3))
  t.equal(growthIn(sizes), undefined)
  t.match(growthIn(sizes.map((size, at) => size + at)), /grows from \S+ to \S+ MiB/)
  // Memory that is used once is no leak.
  t.equal(growthIn(sizes.map((size, at) => (at < 5 ? size : size + 30))), undefined)
  t.end()
})

t.test('an answer that takes too long is noticed', async (t) => {
  const { violations } = await campaign({ seed: 1, first: 1, batches: 1, proxiesEvery: 0, mostMs: 0 })
  t.match(violations, [{ message: /ms of the processor/, number: Number }])
})

t.test('an error in the log, and an uncaught one, is a violation', async (t) => {
  const surprises = new Surprises()
  const end = surprises.listen()
  const cases = new MeasuredCases(surprises)
  cases.begin('reviews', 7)
  await cases.measure(() => Promise.resolve(Buffer.alloc(0)))
  t.equal(cases.number, 8)
  const logged = () => {
    surprises.log.error({ err: new Error('why') }, 'a mistake')
    return Promise.resolve(Buffer.from('sent'))
  }
  await t.rejects(cases.measure(logged), { message: /a mistake: .*why/, input: 'sent' })
  process.emit('unhandledRejection', new Error('lost'), Promise.resolve())
  end()
  t.match(surprises.happened, [/nobody caught .*lost/])
  t.equal(cases.number, 8)
})
