import t, { type Test } from 'tap'
import { mostValues } from '../../../src/doors/http/body.ts'
import { mostEntries } from '../../../src/doors/webhook/normalise.ts'
import { asJson, LastAnswers } from '../../../src/tls/last-answers.ts'
import { defaultConnectionOptions } from '../../../src/doors/webhook/connection-options.ts'
import { endpoint } from '../../../src/doors/webhook/endpoint.ts'
import { Reviewer, type ReviewOptions } from '../../../src/doors/webhook/reviewer.ts'
import { fakes, options } from './fake-gate.ts'
import { node, review, uid } from './review-builder.ts'
import { testCertificates } from './test-certificates.ts'

const { serving } = await testCertificates()

/** An endpoint of a guard that enforces its rules or only watches, and of which the gate fails. */
function open(t: Test, enforces: boolean, but: Partial<ReviewOptions> = {}) {
  const { gate, log, denials, modules } = fakes()
  gate.answer = () => Promise.reject(new Error('a bug'))
  const refused: string[] = []
  const passedUnread: string[] = []
  const app = endpoint(serving, defaultConnectionOptions, {
    reviewer: new Reviewer({ ...options, enforces, ...but }, modules),
    lastAnswers: new LastAnswers({ inWords: asJson }),
    leaving: new AbortController().signal,
    log,
    now: () => performance.now(),
    watches: !enforces,
    traffic: {
      closed: () => undefined,
      cut: () => undefined,
      refused: (why) => void refused.push(why),
      passed: (why) => void passedUnread.push(why),
    },
  })
  t.teardown(() => app.close())
  const post = async (payload: string) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/validate?timeout=10s', payload, headers })
    const { response } = answer.json<{
      response?: {
        allowed: boolean
        uid: string
        warnings?: string[]
        status?: { code: number; message: string }
      }
    }>()
    return { http: answer.statusCode, response }
  }
  return { post, refused, passedUnread, denials }
}

const raise = (from: object, to: object, metadata: object = {}) =>
  review('Node', { before: node(from, metadata), after: node({ ...to, evictionRequested: true }, metadata) })
const usual = raise({}, {})
const text = (body: object): string => JSON.stringify(body)
/** The same review with another request. */
const withRequest = (parts: object) => ({ ...usual, request: { ...usual.request, ...parts } })
const disks = Object.fromEntries(Array.from({ length: mostEntries + 1 }, (_, at) => [`d${at}`, {}]))
const values = `[${'0,'.repeat(mostValues)}0]`
const tooManyValues = text(withRequest({ object: 'VALUES' })).replace('"VALUES"', values)

/** The HTTP status of an answer without a review, or the code of a denial. */
type Answered = { readonly http: number } | { readonly denied: number }

interface Case {
  readonly what: string
  readonly body: string
  readonly but?: Partial<ReviewOptions>
  readonly enforced: Answered
  /** The warning with which it passes where the guard only watches; or what is answered in its place. */
  readonly watched: RegExp | Answered
}

const cases: readonly Case[] = [
  {
    what: 'a write that the gate fails to judge',
    body: text(usual),
    enforced: { denied: 503 },
    watched: /failed to judge/,
  },
  {
    what: 'a write of which an object cannot be read',
    body: text(raise({ tags: 1 }, { tags: 1 })),
    enforced: { denied: 403 },
    watched: /cannot read this Node/,
  },
  {
    what: 'a write to a node with more disks than are judged',
    body: text(raise({ disks }, { disks })),
    enforced: { denied: 403 },
    watched: /spec\.disks has 10001 entries/,
  },
  {
    what: 'a write in another namespace',
    body: text({
      ...raise({}, {}, { namespace: 'tenant' }),
      request: { ...raise({}, {}, { namespace: 'tenant' }).request, namespace: 'tenant' },
    }),
    enforced: { denied: 403 },
    watched: /is in namespace tenant/,
  },
  {
    what: 'a review that contradicts itself',
    body: text(withRequest({ oldObject: null })),
    enforced: { denied: 400 },
    watched: /has no oldObject/,
  },
  {
    what: 'a review of another form',
    body: text(withRequest({ operation: 5 })),
    enforced: { denied: 400 },
    watched: /This is not an AdmissionReview/,
  },
  {
    what: 'a review that has to give way to others',
    body: text(usual),
    but: { keptBytes: 1 },
    enforced: { denied: 503 },
    watched: /Too many large reviews wait/,
  },
  {
    what: 'a review with more values than are read',
    body: tooManyValues,
    enforced: { denied: 413 },
    watched: /more than 350000 values/,
  },
  // There is no uid to answer under, so these stay calls that failed. No API server sends them.
  { what: 'more values in what is no review', body: values, enforced: { http: 413 }, watched: { http: 413 } },
  {
    what: 'a body above 8 MiB',
    body: text(usual).padEnd(defaultConnectionOptions.bodyLimitBytes + 1),
    enforced: { http: 413 },
    watched: { http: 413 },
  },
  { what: 'what is no JSON', body: '{', enforced: { http: 400 }, watched: { http: 400 } },
]

for (const { what, body, but, enforced, watched } of cases) {
  t.test(`${what} is denied, and passes with a warning where the guard only watches`, async (t) => {
    const strict = open(t, true, but)
    const { http, response } = await strict.post(body)
    if ('http' in enforced) t.equal(http, enforced.http)
    else {
      t.equal(http, 200)
      t.match(response, { uid, allowed: false, status: { code: enforced.denied } })
    }
    const lax = open(t, false, but)
    const passed = await lax.post(body)
    if ('http' in watched) t.equal(passed.http, watched.http)
    else if (watched instanceof RegExp) {
      t.equal(passed.http, 200)
      t.match(passed.response, { uid, allowed: true, warnings: [watched] })
    }
    t.strictSame(lax.denials, [], 'nothing is on record as denied')
    t.strictSame([...lax.refused, ...lax.passedUnread], strict.refused)
    if (!('http' in watched)) t.strictSame(lax.refused, [], 'a request that passes is not counted as refused')
  })
}

t.test('unread bodies are counted by their reason', async (t) => {
  const { post, refused } = open(t, true)
  await post(tooManyValues)
  await post(values)
  await post(text(usual).padEnd(defaultConnectionOptions.bodyLimitBytes + 1))
  t.strictSame(refused, ['too-many-values', 'too-many-values', 'too-large'])
})

t.test('reviews that wait in vain to be read pass where the guard only watches', async (t) => {
  for (const enforces of [true, false]) {
    const opened = open(t, enforces)
    const { post } = opened
    const unread = enforces ? opened.refused : opened.passedUnread
    const long = text(withRequest({ object: 'LONG' })).replace('"LONG"', `[${'0,'.repeat(300_000)}0]`)
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(long.padEnd(8_000_000))))
    t.ok(unread.length > 0)
    t.ok(unread.every((why) => why === 'busy'))
    t.equal(answers.filter(({ http }) => http === 503).length, enforces ? unread.length : 0)
    const passed = answers.filter(({ response }) => response?.allowed)
    t.ok(passed.length >= (enforces ? 0 : unread.length))
  }
})
