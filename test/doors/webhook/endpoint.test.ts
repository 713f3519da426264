import fc from 'fast-check'
import t, { type Test } from 'tap'
import { asJson, LastAnswers } from '../../../src/tls/last-answers.ts'
import { defaultConnectionOptions } from '../../../src/doors/webhook/connection-options.ts'
import { endpoint } from '../../../src/doors/webhook/endpoint.ts'
import { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import { fakes, options } from './fake-gate.ts'
import { image, node, review, uid } from './review-builder.ts'
import { testCertificates } from './test-certificates.ts'

const { serving } = await testCertificates()

/** The endpoint without a socket. */
function open(t: Test, { reviewer }: { reviewer?: Pick<Reviewer, 'review' | 'unread'> } = {}) {
  const { gate, log, modules } = fakes()
  const app = endpoint(serving, defaultConnectionOptions, {
    reviewer: reviewer ? { known: () => undefined, ...reviewer } : new Reviewer(options, modules),
    lastAnswers: new LastAnswers({ inWords: asJson }),
    leaving: new AbortController().signal,
    log,
    now: () => performance.now(),
  })
  t.teardown(() => app.close())
  const post = (payload: string | Buffer, contentType = 'application/json', url = '/validate?timeout=10s') =>
    app.inject({ method: 'POST', url, payload, headers: { 'content-type': contentType } })
  return { app, gate, log, post }
}

const evict = review('Node', {
  before: node({ evictionRequested: false }),
  after: node({ evictionRequested: true }),
})

t.test('a review is answered with HTTP 200, as JSON, under its uid', async (t) => {
  const { post } = open(t)
  for (const contentType of ['application/json', 'application/json; charset=utf-8']) {
    const answer = await post(JSON.stringify(evict), contentType)
    t.equal(answer.statusCode, 200)
    t.match(answer.headers['content-type'], /^application\/json/)
    t.match(answer.json(), {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid, allowed: true },
    })
  }
})

t.test('the timeout in the query is the budget of the gate', async (t) => {
  const { gate, post } = open(t)
  for (const query of ['?timeout=5s', '?timeout=5s&timeout=6s', '?dryRun=true', '']) {
    await post(JSON.stringify(evict), 'application/json', `/validate${query}`)
  }
  t.same(
    gate.asked.map(({ budgetMs }) => budgetMs),
    [3_500, 8_500, 8_500, 8_500],
  )
})

t.test('a request that is no review gets an error with the expected form', async (t) => {
  const { app, log, post } = open(t)
  const json = JSON.stringify(evict)
  const bodies = [
    { answer: await post('{"kind": "Admis'), status: 400, error: /not JSON/ },
    { answer: await post(''), status: 400, error: /not JSON/ },
    { answer: await post('null'), status: 400, error: /not an AdmissionReview: the object must be object/ },
    { answer: await post('[]'), status: 400, error: /not an AdmissionReview/ },
    { answer: await post('{}'), status: 400, error: /apiVersion/ },
    { answer: await post('{"request": null}'), status: 400, error: /not an AdmissionReview/ },
    { answer: await post('{"request": {"uid": 5}}'), status: 400, error: /not an AdmissionReview/ },
    { answer: await post(json, 'text/plain'), status: 415, error: /content type/ },
    { answer: await post(json, 'application/vnd.kubernetes.protobuf'), status: 415, error: /content type/ },
    { answer: await app.inject({ method: 'POST', url: '/validate' }), status: 400, error: /must be object/ },
    { answer: await post(json, 'application/json', '/'), status: 404, error: /POST to \/validate/ },
    { answer: await post(json, 'application/json', '/validate/'), status: 404, error: /POST to \/validate/ },
    { answer: await post(json, 'application/json', '/%zz'), status: 404, error: /POST to \/validate/ },
    { answer: await app.inject('/validate'), status: 405, error: /does not answer GET/ },
    {
      answer: await app.inject({ method: 'PUT', url: '/validate?timeout=1s', payload: json }),
      status: 405,
      error: /does not answer PUT/,
    },
  ]
  for (const { answer, status, error } of bodies) {
    t.equal(answer.statusCode, status, String(error))
    t.match(answer.json(), { kind: 'Status', message: error })
    t.equal(answer.headers.allow, status === 405 ? 'POST' : undefined)
  }
  t.same(log.lines, [])
})

t.test('a body up to 8 MiB is read, a larger one is refused', async (t) => {
  const { post } = open(t)
  const json = JSON.stringify(evict)
  const limit = 8 * 1024 * 1024
  t.equal((await post(json.padEnd(limit))).statusCode, 200)
  const tooLarge = await post(json.padEnd(limit + 1))
  t.equal(tooLarge.statusCode, 413)
  t.match(tooLarge.json(), { message: /larger than 8388608 bytes/ })
})

/** As many values as are read, which takes long. */
const long = `["${'n'.repeat(1_200_000)}",${'0,'.repeat(300_000)}0]`

t.test('a body with more than 350,000 values is refused', async (t) => {
  const { post } = open(t)
  t.equal((await post(long)).statusCode, 400, 'this is no review, but it is read')
  const tooMany = await post(`[${'0,'.repeat(350_000)}0]`)
  t.equal(tooMany.statusCode, 413)
  t.match(tooMany.json(), { message: /more than 350000 values/ })
})

t.test('a review does not wait for all the large bodies of another address', async (t) => {
  const { app } = open(t)
  const done: string[] = []
  const post = async (remoteAddress: string, payload: string, what: string) => {
    const headers = { 'content-type': 'application/json' }
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/validate',
      remoteAddress,
      headers,
      payload,
    })
    done.push(`${what} ${statusCode}`)
  }
  const large = Array.from({ length: 8 }, () => post('10.0.0.9', long, 'large'))
  await Promise.all([...large, post('10.0.0.1', JSON.stringify(evict), 'review')])
  t.equal(done.length, 9)
  const at = done.indexOf('review 200')
  t.ok(at >= 0 && at <= 3, `it is answered after ${at} of them`)
})

t.test('the address with the most waiting bodies gets 503 if too many wait', async (t) => {
  const { app } = open(t)
  const post = async (remoteAddress: string, payload: string) => {
    const headers = { 'content-type': 'application/json' }
    return (await app.inject({ method: 'POST', url: '/validate', remoteAddress, headers, payload }))
      .statusCode
  }
  const padded = long.padEnd(8_000_000)
  const large = Array.from({ length: 8 }, () => post('10.0.0.9', padded))
  const [status, ...others] = await Promise.all([post('10.0.0.1', JSON.stringify(evict)), ...large])
  t.equal(status, 200)
  t.strictSame([...new Set(others)].toSorted(), [400, 503], 'some are read, and some are not')
})

t.test('maps of 10,000 keys are read', async (t) => {
  const { gate, post } = open(t)
  const copies = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`disk-${i}`, {}]))
  const body = review('BackingImage', {
    before: image({ diskFileSpecMap: copies }),
    after: image({ diskFileSpecMap: copies }),
  })
  t.match((await post(JSON.stringify(body))).json(), { response: { allowed: true } })
  const [asked] = gate.asked
  const change = asked?.change
  t.equal(change?.kind === 'BackingImage' && change.after?.spec.diskFileSpecMap.size, 10_000)
})

t.test('__proto__ is a key like any other', async (t) => {
  const { gate, post } = open(t)
  const body = JSON.stringify(
    review('BackingImage', {
      before: image({ diskFileSpecMap: { KEY: {}, constructor: {} } }),
      after: image({}),
    }),
  ).replaceAll('KEY', '__proto__')
  t.equal((await post(body)).statusCode, 200)
  const change = gate.asked[0]?.change
  t.same(change?.kind === 'BackingImage' && [...(change.before?.spec.diskFileSpecMap.keys() ?? [])], [
    '__proto__',
    'constructor',
  ])
})

t.test('deep nesting is survived', async (t) => {
  const { post } = open(t)
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  t.equal((await post(deep)).statusCode, 400)
  t.equal((await post(`{"request":{"uid":"u","object":${deep}}}`)).statusCode, 200)
  const body = JSON.stringify(evict).replaceAll('"spec":{', `"spec":{"disks":${deep},`)
  t.match((await post(body)).json(), { response: { uid, allowed: false, status: { code: 403 } } })
})

t.test('a review counts with the length of its body, for the address that it came from', async (t) => {
  const weights: unknown[] = []
  const { app } = open(t, {
    reviewer: {
      review: (_body, _timeout, _signal, weight) => {
        weights.push(weight)
        return Promise.resolve({ ok: false, problem: 'it is not looked at' })
      },
      unread: () => {
        throw new Error('it is read')
      },
    },
  })
  const headers = { 'content-type': 'application/json' }
  await app.inject({
    method: 'POST',
    url: '/validate',
    remoteAddress: '10.0.0.9',
    headers,
    payload: '{"a":1}',
  })
  t.strictSame(weights, [{ text: '{"a":1}', bytes: 7, peer: '10.0.0.9' }])
})

t.test('any JSON gets a clear answer', async (t) => {
  const { post, log } = open(t)
  const hasUid = (body: unknown) => JSON.stringify(body).includes('"uid":')
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (body) => {
      const answer = await post(JSON.stringify(body))
      return (answer.statusCode === 400 && typeof answer.json<Body>().message === 'string') || hasUid(body)
    }),
    { numRuns: 200 },
  )
  t.same(log.lines, [])
})

t.test('a review with anything anywhere gets a well-formed answer', async (t) => {
  const { post, log } = open(t)
  const base = review('Node', {
    before: node({ disks: { d1: { evictionRequested: false } } }, { annotations: {} }),
    after: node({ disks: { d1: { evictionRequested: true } } }, { annotations: {} }),
  })
  const places = paths(base).filter((path) => path.length > 0)
  const operation = fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...places),
      fc.jsonValue(),
      operation,
      async (path, value, operation) => {
        const body = put({ ...base, request: { ...base.request, operation } }, path, value)
        const answer = await post(JSON.stringify(body))
        const { response, message } = answer.json<Body>()
        if (answer.statusCode === 400) return typeof message === 'string'
        const denied = typeof response?.status?.code === 'number' && response.status.message !== ''
        return (
          answer.statusCode === 200 &&
          typeof response?.uid === 'string' &&
          (response.allowed === true || denied)
        )
      },
    ),
    { numRuns: 300 },
  )
  t.ok(
    log.lines.every(({ level }) => level === 'warn'),
    'no error of our own',
  )
})

/** The possible parts of an answer. */
interface Body {
  readonly message?: unknown
  readonly response?: {
    readonly uid: unknown
    readonly allowed: unknown
    readonly status?: { readonly code: unknown; readonly message: unknown }
  }
}

type Path = readonly string[]

/** Every place in a JSON value. */
function paths(json: unknown, path: Path = []): Path[] {
  if (typeof json !== 'object' || json === null) return [path]
  return [path, ...Object.entries(json).flatMap(([key, value]) => paths(value, [...path, key]))]
}

/** The same JSON with another value at one place. */
function put(json: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(
    Object.entries(json).map(([name, old]: [string, unknown]) => [
      name,
      name === key ? put(old, rest, value) : old,
    ]),
  )
}
