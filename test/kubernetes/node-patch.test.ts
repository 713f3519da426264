import t, { type Test } from 'tap'
import { ApiFailure, ConnectionFailure } from '../../src/kubernetes/client/failures.ts'
import { attemptOutcome, isAnswerLost } from '../../src/kubernetes/node-patch.ts'

function failure(code: number, message: string, retryAfterSeconds?: number): ApiFailure {
  return new ApiFailure({ code, reason: '', message, retryAfterSeconds, causes: [] })
}

/** What an answer comes to for a write that takes flags down, and for one that raises them. */
function becomes(t: Test, error: Error, clearing: unknown, raising: unknown): void {
  t.strictSame(attemptOutcome(error, true), clearing, `clearing: ${error.message}`)
  t.strictSame(attemptOutcome(error, false), raising, `raising: ${error.message}`)
}

t.test('no refusal of a webhook is an answer to a write that takes flags down', (t) => {
  const soon = { outcome: 'later', ms: 1_000 }
  const called = 'failed calling webhook "validator.longhorn.io": no endpoints available'
  const denied = 'admission webhook "guard.holdfast.dev" denied the request: evicting disk-1 is denied'
  const syncing =
    'admission webhook "validator.longhorn.io" denied the request: being syncing and please retry later'
  becomes(t, failure(500, called), soon, soon)
  becomes(t, failure(503, 'the server is busy'), soon, soon)
  becomes(t, failure(429, 'has to wait', 5), { outcome: 'later', ms: 5_000 }, { outcome: 'later', ms: 5_000 })
  becomes(t, failure(409, 'conflict'), { outcome: 'later', ms: 100 }, { outcome: 'later', ms: 100 })
  becomes(t, failure(403, denied), soon, { outcome: 'refused', why: denied })
  becomes(t, failure(422, syncing), soon, soon)
  becomes(t, new ConnectionFailure('cut', 'cut'), soon, soon)
  becomes(t, new DOMException('there was no answer within 35 s', 'TimeoutError'), soon, soon)
  t.end()
})

t.test('an error that no further attempt would mend ends the rescue', (t) => {
  becomes(t, failure(403, 'nodes.longhorn.io is forbidden: cannot patch'), undefined, undefined)
  becomes(t, failure(401, 'Unauthorized'), undefined, undefined)
  becomes(t, failure(400, 'the patch cannot be read'), undefined, undefined)
  becomes(t, new ConnectionFailure('credentials', 'no token'), undefined, undefined)
  becomes(t, new Error('a defect'), undefined, undefined)
  t.end()
})

t.test('a write without an answer of the API server may have been done', (t) => {
  t.ok(isAnswerLost(new ConnectionFailure('cut', 'cut')))
  t.ok(isAnswerLost(new DOMException('there was no answer within 35 s', 'TimeoutError')))
  t.ok(isAnswerLost(failure(504, 'a proxy has waited long enough')))
  t.notOk(isAnswerLost(failure(409, 'conflict')))
  t.notOk(isAnswerLost(failure(429, 'has to wait')))
  t.end()
})
