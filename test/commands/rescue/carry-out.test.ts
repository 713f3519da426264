import t from 'tap'
import { runRescue, type Write } from '../../../src/commands/rescue/carry-out.ts'
import type { PatchAttempt } from '../../../src/kubernetes/node-patch.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases } from '../../fixtures/cluster.ts'
import { disk } from '../../fixtures/raw-objects.ts'

/** A rescue of n1, whose flag of d1 is noted and can go up. */
function rescue(answers: readonly PatchAttempt[], { isGuarded = true, isHeld = true } = {}) {
  const note = { node: false, disks: ['d1'], at: '', by: 'ann' }
  const annotations = { [rescueAnnotation]: JSON.stringify(note) }
  const noted = cluster(releases.A).node('n1', [disk('d1')], { metadata: { annotations } })
  const [writes, paused, left]: [Write[], number[], PatchAttempt[]] = [[], [], [...answers]]
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
    onStep: () => undefined,
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
  const answers: PatchAttempt[] = [{ outcome: 'written' }, { outcome: 'later', ms: 5 }]
  const { last, writes, paused } = rescue(answers, { isHeld: false })
  t.match(await last, { step: 'done', noted: flags })
  t.strictSame(
    writes.map(({ step }) => step),
    ['raise', 'clear', 'clear'],
  )
  t.strictSame(paused, [5])
})
