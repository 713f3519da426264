import t from 'tap'
import { type ReviewAnswer, Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import type { UnjudgedWrite } from '../../../src/gate/ports.ts'
import { turns } from '../../fixtures/eventually.ts'
import { allowed, awaited, fakes, held, options } from './fake-gate.ts'
import { dataSource, image, node, review, uid } from './review-builder.ts'

/** Reviews one body and insists on an answer. */
async function answerTo(
  reviewer: Reviewer,
  body: unknown,
  timeout?: string,
): Promise<ReviewAnswer['response']> {
  const reviewed = await reviewer.review(body, timeout, awaited)
  if (!reviewed.ok) throw new Error(reviewed.problem)
  return reviewed.value.response
}

const evict = { before: node({ evictionRequested: false }), after: node({ evictionRequested: true }) }
const cancel = { before: evict.after, after: evict.before }

t.test('a review becomes a change with its objects parsed', async (t) => {
  const { gate, modules } = fakes()
  const reviewer = new Reviewer(options, modules)
  await answerTo(reviewer, review('Node', { ...evict, name: 'n1', dryRun: true, username: 'jane' }))
  t.match(gate.asked, [
    {
      change: {
        kind: 'Node',
        operation: 'UPDATE',
        before: { metadata: { name: 'n1' }, spec: { evictionRequested: false } },
        after: { metadata: { name: 'n1' }, spec: { evictionRequested: true } },
        request: {
          uid,
          actor: { username: 'jane', groups: ['system:authenticated'] },
          dryRun: true,
          door: 'webhook',
        },
      },
    },
  ])
})

t.test('CREATE has nothing before and DELETE nothing after, and DELETE needs no name', async (t) => {
  const { gate, modules } = fakes()
  const reviewer = new Reviewer(options, modules)
  const copies = image({ diskFileSpecMap: { u1: {} } })
  await answerTo(reviewer, review('BackingImage', { operation: 'CREATE', after: copies }))
  await answerTo(reviewer, review('BackingImage', { operation: 'DELETE', before: copies }))
  await answerTo(
    reviewer,
    review('BackingImageDataSource', { operation: 'CREATE', after: dataSource({ diskUUID: 'u1' }) }),
  )
  const [create, remove, source] = gate.asked.map(({ change }) => change)
  t.match(create, { operation: 'CREATE', after: { metadata: { name: 'ubuntu' } }, before: undefined })
  t.match(remove, { operation: 'DELETE', before: { metadata: { name: 'ubuntu' } }, after: undefined })
  t.match(source, { kind: 'BackingImageDataSource', after: { spec: { diskUUID: 'u1' } } })
})

t.test('the gate gets the remaining time less a margin, or half of a short time', async (t) => {
  const { gate, modules } = fakes()
  const reviewer = new Reviewer({ ...options, marginMs: 1_500 }, modules)
  for (const timeout of ['10s', '1s', undefined]) await answerTo(reviewer, review('Node', evict), timeout)
  t.same(
    gate.asked.map(({ budgetMs }) => budgetMs),
    [8_500, 500, 8_500],
  )
})

t.test('an allowed write is answered with its warnings and annotated for the audit log', async (t) => {
  const { gate, modules } = fakes()
  gate.answer = () => Promise.resolve(allowed('below-min-copies: only one copy is left'))
  t.same(await answerTo(new Reviewer(options, modules), review('Node', evict)), {
    uid,
    allowed: true,
    warnings: ['below-min-copies: only one copy is left'],
    auditAnnotations: { decision: 'allow', rules: 'eviction-during-cleanup' },
  })
})

t.test('a held write is answered with its whole status', async (t) => {
  const { gate, modules } = fakes()
  gate.answer = (change) => Promise.resolve(held(change))
  t.same(await answerTo(new Reviewer(options, modules), review('Node', evict)), {
    uid,
    allowed: false,
    status: {
      code: 429,
      reason: 'TooManyRequests',
      message: 'a clean-up is pending',
      details: {
        name: 'n1',
        group: 'longhorn.io',
        kind: 'Node',
        causes: [{ reason: 'eviction-during-cleanup', message: 'a clean-up is pending', field: 'spec' }],
        retryAfterSeconds: 2,
      },
    },
    auditAnnotations: { decision: 'hold', rules: 'eviction-during-cleanup' },
  })
})

t.test('an unavailable gate is annotated with the reason', async (t) => {
  const { gate, modules } = fakes()
  gate.answer = async (change) => {
    const { answer } = held(change)
    return Promise.resolve({
      verdict: { decision: 'unavailable', why: 'disk-map-not-synced', warnings: [] },
      answer,
    })
  }
  const answer = await answerTo(new Reviewer(options, modules), review('Node', evict))
  t.same(answer.auditAnnotations, { decision: 'unavailable', reason: 'disk-map-not-synced' })
})

t.test('no control character leaves, and only messages keep their lines', async (t) => {
  const { gate, modules } = fakes()
  const nasty = 'disk \u001b[31mred\u001b[0m\r\nline\ttwo\u0000\u202e'
  gate.answer = (change) => {
    const { answer, verdict } = held(change, nasty)
    return Promise.resolve({ verdict, answer: { ...answer, warnings: [nasty] } })
  }
  const answer = await answerTo(new Reviewer(options, modules), review('Node', evict))
  t.equal(answer.status?.message, 'disk [31mred[0m\nline two')
  t.equal(answer.status?.details.causes[0]?.message, 'disk [31mred[0m line two')
  t.same(answer.warnings, ['disk [31mred[0m line two'])
})

t.test('an unjudged request passes with a warning that names it', async (t) => {
  const { gate, modules } = fakes()
  const reviewer = new Reviewer(options, modules)
  const others = [
    { parts: { ...evict, subResource: 'status' }, what: 'UPDATE of nodes/status.longhorn.io' },
    { parts: { ...evict, group: '' }, what: 'UPDATE of nodes.core' },
    { parts: { ...evict, resource: 'volumes' }, what: 'UPDATE of volumes.longhorn.io' },
    { parts: { operation: 'CONNECT' }, what: 'CONNECT of nodes.longhorn.io' },
  ]
  for (const { parts, what } of others) {
    const answer = await answerTo(reviewer, review('Node', parts))
    t.equal(answer.allowed, true)
    t.match(answer.warnings, [new RegExp(`${what}.*asks for more than it needs`)])
  }
  t.same(gate.asked, [])
})

t.test('a review that contradicts itself is denied under its uid', async (t) => {
  const { modules } = fakes()
  const reviewer = new Reviewer(options, modules)
  const contradictions = [
    review('Node', { before: evict.before }),
    review('Node', { after: evict.after }),
    review('Node', { operation: 'CREATE' }),
    review('Node', { operation: 'DELETE' }),
    { ...review('Node', evict), apiVersion: 'admission.k8s.io/v1beta1' },
    { ...review('Node', evict), kind: 'ConversionReview' },
    { request: { uid } },
  ]
  for (const body of contradictions) {
    const answer = await answerTo(reviewer, body)
    t.match(answer, { uid, allowed: false, status: { code: 400, reason: 'BadRequest' } })
  }
  const { status } = await answerTo(reviewer, contradictions[4])
  t.match(status?.message, /admissionReviewVersions: \["v1"\]/)
})

t.test('a gate that fails refuses arming writes for now and lets all others pass', async (t) => {
  const { gate, log, modules } = fakes()
  const failures = [
    () => Promise.reject(new Error('the Lease is gone')),
    () => {
      throw new Error('a bug')
    },
  ]
  const reviewer = new Reviewer(options, modules)
  for (const failure of failures) {
    gate.answer = failure
    const refused = await answerTo(reviewer, review('Node', evict))
    t.match(refused, {
      allowed: false,
      status: { code: 503, reason: 'ServiceUnavailable', details: { retryAfterSeconds: 2, name: 'n1' } },
    })
    const passed = await answerTo(reviewer, review('Node', cancel))
    t.match(passed, { allowed: true, warnings: [/failed to judge this write to Node n1; it passes/] })
  }
  t.match(log.lines[0], {
    level: 'error',
    fields: { uid, kind: 'Node', name: 'n1', err: { cause: { message: 'the Lease is gone' } } },
  })
})

t.test('a refusal for now never makes a controller of Longhorn wait', async (t) => {
  const { gate, modules } = fakes()
  gate.answer = () => Promise.reject(new Error('the Lease is gone'))
  const username = 'system:serviceaccount:longhorn-system:longhorn-service-account'
  const answer = await answerTo(new Reviewer(options, modules), review('Node', { ...evict, username }))
  t.equal(answer.status?.code, 503)
  t.notOk(Object.hasOwn(answer.status?.details ?? {}, 'retryAfterSeconds'))
})

t.test('a gate that hangs is answered for in time', async (t) => {
  const { gate, timers, modules } = fakes()
  gate.answer = () => new Promise(() => undefined)
  const answer = answerTo(new Reviewer(options, modules), review('Node', evict), '10s')
  t.same(
    [...timers.waiting].map(({ ms }) => ms),
    [8_750],
  )
  timers.fireAll()
  t.match(await answer, { allowed: false, status: { code: 503 } })
})

t.test('a gate that hangs is answered for in time even if that is never on record', async (t) => {
  const { gate, timers, modules } = fakes()
  gate.answer = () => new Promise(() => undefined)
  const patience: number[] = []
  const denied = (_write: UnjudgedWrite, withinMs: number) => {
    patience.push(withinMs)
    return new Promise<void>(() => undefined)
  }
  const answer = answerTo(new Reviewer(options, { ...modules, denied }), review('Node', evict), '1s')
  const [gateTime] = [...timers.waiting].map(({ ms }) => ms)
  timers.fireAll()
  await turns()
  const [recordTime] = [...timers.waiting].map(({ ms }) => ms)
  timers.fireAll()
  t.match(await answer, { allowed: false, status: { code: 503 } })
  t.same(patience, [recordTime])
  t.ok((gateTime ?? Infinity) + (recordTime ?? Infinity) < 1_000, `${gateTime} ms and ${recordTime} ms`)
})

t.test('a decision leaves no timer behind', async (t) => {
  const { timers, modules } = fakes()
  await answerTo(new Reviewer(options, modules), review('Node', evict))
  t.equal(timers.waiting.size, 0)
})

t.test('a write that is decided at once takes no timer, and asks for nothing else', async (t) => {
  const { gate, timers, modules } = fakes()
  const reviewer = new Reviewer(options, { ...modules, decideAtOnce: () => allowed('be careful') })
  const answering = answerTo(reviewer, review('Node', cancel))
  t.equal(timers.waiting.size, 0)
  t.match(await answering, { allowed: true, warnings: ['be careful'] })
  t.same(gate.asked, [])
})

t.test('a write that cannot be decided at once, or fails to be, is decided as others are', async (t) => {
  const fails = () => {
    throw new Error('a bug')
  }
  for (const decideAtOnce of [() => undefined, fails]) {
    const { gate, modules } = fakes()
    const answer = await answerTo(new Reviewer(options, { ...modules, decideAtOnce }), review('Node', cancel))
    t.match(answer, { allowed: true })
    t.equal(gate.asked.length, 1)
  }
})

t.test('a write to another namespace is not decided at once', async (t) => {
  const { modules } = fakes()
  const reviewer = new Reviewer(options, { ...modules, decideAtOnce: () => allowed('decided at once') })
  const body = review('Node', cancel)
  const request = { ...body.request, namespace: 'elsewhere' }
  const answer = await answerTo(reviewer, { ...body, request })
  t.match(answer, { allowed: true })
  t.notMatch(answer, { warnings: ['decided at once'] })
})

t.test('a write counts as arming if even that is unknown', async (t) => {
  const { gate, modules } = fakes()
  gate.answer = () => Promise.reject(new Error('the Lease is gone'))
  const isArming = () => {
    throw new Error('a bug')
  }
  const answer = await answerTo(new Reviewer(options, { ...modules, isArming }), review('Node', cancel))
  t.match(answer, { allowed: false, status: { code: 503 } })
})

t.test('the same failure of the same object is logged once, however often it returns', async (t) => {
  const { gate, log, modules } = fakes()
  gate.answer = () => Promise.reject(new Error('the Lease is gone'))
  const reviewer = new Reviewer(options, modules)
  for (let i = 0; i < 50; i++) await answerTo(reviewer, review('Node', evict))
  t.equal(log.lines.length, 1)
  for (let i = 0; i < 1_000; i++) {
    const other = node({ evictionRequested: true }, { name: `other-${i}` })
    await answerTo(reviewer, review('Node', { ...evict, after: other }))
  }
  await answerTo(reviewer, review('Node', evict))
  t.equal(log.lines.length, 1_002, 'after a thousand others it is news again')
})
