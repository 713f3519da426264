import t, { type Test } from 'tap'
import { attemptOutcome } from '../../../src/commands/rescue/attempt.ts'
import { type Attempt, runRescue, type Write } from '../../../src/commands/rescue/carry-out.ts'
import { ApiFailure, ConnectionFailure } from '../../../src/kubernetes/client/failures.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases } from '../../fixtures/cluster.ts'
import { disk } from '../../fixtures/raw-objects.ts'

/** A rescue of n1, whose flag of d1 is noted and can go up. */
function rescue(answers: readonly Attempt[], { isGuarded = true, isHeld = true } = {}) {
  const note = { node: false, disks: ['d1'], at: '', by: 'ann' }
  const annotations = { [rescueAnnotation]: JSON.stringify(note) }
  const noted = cluster(releases.A).node('n1', [disk('d1')], { metadata: { annotations } })
  const [writes, paused, left]: [Write[], number[], Attempt[]] = [[], [], [...answers]]
  const now = noon + defaultPolicy.settleMs
  const last = runRescue('n1', {
    map: noted.map,
    ending: 'raise',
    circumstances: () => ({
      ...moment(now),
      policy: defaultPolicy,
      pods: { problem: 'forbidden' },
      watchingSince: noon,
    }),
    write: (step) => {
      writes.push(step)
      const attempt = left.shift() ?? { outcome: 'written' }
      // As the disk map shows it.
      if (attempt.outcome === 'written' && step.step === 'raise')
        noted.node('n1', [disk('d1', { evictionRequested: true })])
      if (attempt.outcome === 'written' && step.step === 'clear')
        noted.node('n1', [disk('d1')], { metadata: { annotations } })
      return Promise.resolve(attempt)
    },
    pause: (ms) => Promise.resolve(void paused.push(ms)),
    changed: () => Promise.reject(new Error('it waits for nothing here')),
    tell: () => undefined,
    isGuarded: () => Promise.resolve(isGuarded),
    isHeld: () => Promise.resolve(isHeld),
  })
  return { last, writes, paused }
}

const flags = { node: false, disks: ['d1'] }

t.test('flags that a webhook denies stay down, and the rescue is not done', async (t) => {
  const { last, writes } = rescue([{ outcome: 'refused', why: 'denied the request: no' }])
  t.strictSame(await last, { step: 'blocked', problems: ['denied the request: no'] })
  t.strictSame(writes, [{ step: 'raise', flags }])
})

t.test('a write that has to wait is tried again', async (t) => {
  const { last, writes, paused } = rescue([{ outcome: 'later', ms: 7 }])
  t.match(await last, { step: 'done' })
  t.equal(writes.length, 2)
  t.strictSame(paused, [7])
})

t.test('no flag goes up without a guard', async (t) => {
  const { last, writes } = rescue([], { isGuarded: false })
  t.match(await last, { step: 'done', noted: flags })
  t.strictSame(writes, [])
})

t.test('flags that are up without a guard that holds go down again, for as long as it takes', async (t) => {
  const answers: Attempt[] = [{ outcome: 'written' }, { outcome: 'later', ms: 5 }]
  const { last, writes, paused } = rescue(answers, { isHeld: false })
  t.match(await last, { step: 'done', noted: flags })
  t.strictSame(
    writes.map(({ step }) => step),
    ['raise', 'clear', 'clear'],
  )
  t.strictSame(paused, [5])
})

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
  t.end()
})

t.test('what no further attempt would mend ends the rescue', (t) => {
  becomes(t, failure(403, 'nodes.longhorn.io is forbidden: cannot patch'), undefined, undefined)
  becomes(t, failure(401, 'Unauthorized'), undefined, undefined)
  becomes(t, failure(400, 'the patch cannot be read'), undefined, undefined)
  becomes(t, new ConnectionFailure('credentials', 'no token'), undefined, undefined)
  becomes(t, new Error('a defect'), undefined, undefined)
  t.end()
})
