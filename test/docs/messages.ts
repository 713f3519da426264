import { answerTo } from '../../src/gate/answer.ts'
import { verdictOn } from '../../src/gate/verdict.ts'
import type { Change } from '../../src/rules/change.ts'
import type { RuleName } from '../../src/rules/finding.ts'
import { defaultPolicy, type Policy } from '../../src/rules/policy.ts'
import { cluster, noon, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }
const closed = { allowScheduling: false, evictionRequested: true }

/** A cluster in which one rule has something to say, and the change that it speaks of. */
interface Example {
  readonly before: TestCluster
  readonly change: (before: TestCluster) => Change
  readonly policy?: Partial<Policy>
}

/** Two nodes, with the image ubuntu-22.04 as given. */
const calm = (release = 'v1.8.0') =>
  cluster(release)
    .node('node-1', [disk('disk-1'), disk('disk-2')])
    .node('node-2', [disk('disk-3')])

const examples: Readonly<Record<RuleName, Example>> = {
  'eviction-during-cleanup': {
    before: calm().image('ubuntu-22.04', [pending('disk-1'), ready('disk-3')]),
    change: (before) => before.toNode('node-1', [disk('disk-1'), disk('disk-2', closed)]),
  },
  'cleanup-during-eviction': {
    before: cluster('v1.8.0')
      .node('node-1', [disk('disk-1'), disk('disk-2', evicting)])
      .node('node-2', [disk('disk-3')])
      .image('ubuntu-22.04', [ready('disk-1'), ready('disk-3')]),
    change: (before) => before.cleanUp('ubuntu-22.04', ['disk-1']),
  },
  'first-file-during-eviction': {
    before: cluster('v1.8.0')
      .node('node-1', [disk('disk-1'), disk('disk-2', evicting)])
      .image('fedora-41', []),
    change: (before) => before.place('fedora-41', 'disk-1'),
  },
  'first-file-unfinished': {
    before: calm()
      .image('fedora-41', [copy('disk-1', 'in-progress')])
      .source('fedora-41', 'disk-1'),
    change: (before) => before.cleanUp('fedora-41', ['disk-1']),
  },
  'last-usable-copy': {
    before: calm().image('debian-12', [ready('disk-3')], { sourceType: 'upload' }),
    change: (before) => before.cleanUp('debian-12', ['disk-3']),
  },
  'evict-unready-copy': {
    before: calm().image('debian-12', [copy('disk-3', 'in-progress')]),
    change: (before) => before.toNode('node-2', [disk('disk-3')], closed),
  },
  'copy-in-use': {
    before: calm()
      .image('ubuntu-22.04', [ready('disk-1'), ready('disk-3')])
      .replica('pvc-web-r-1', 'ubuntu-22.04', 'disk-1'),
    change: (before) => before.cleanUp('ubuntu-22.04', ['disk-1']),
  },
  'below-min-copies': {
    before: calm().image('ubuntu-22.04', [ready('disk-1'), ready('disk-3')], { minNumberOfCopies: 2 }),
    change: (before) => before.cleanUp('ubuntu-22.04', ['disk-1']),
  },
  'disk-removal-with-copies': {
    before: calm().image('ubuntu-22.04', [ready('disk-1'), ready('disk-3')]),
    change: (before) => before.toNode('node-1', [disk('disk-2')]),
  },
  'images-nowhere': {
    before: calm().image('base', [copy('disk-9', 'unknown')], { sourceType: 'upload' }),
    change: (before) => before.toNode('node-2', [disk('disk-3')], closed),
  },
  'no-eviction-target': {
    before: cluster('v1.10.0')
      .node('node-1', [disk('disk-1')])
      .node('node-2', [disk('disk-3')])
      .image('ubuntu-22.04', [ready('disk-1')], { diskSelector: ['ssd'] }),
    change: (before) => before.toNode('node-1', [disk('disk-1')], closed),
  },
  'lingering-eviction': {
    before: cluster('v1.8.0')
      .node('node-1', [disk('disk-1', evicting)])
      .node('node-2', [disk('disk-3')])
      .image('ubuntu-22.04', [ready('disk-1', { evicting: true }), ready('disk-3')]),
    change: (before) => before.toNode('node-1', [disk('disk-1')]),
  },
  'eviction-budget': {
    before: cluster('v1.8.0')
      .node('node-1', [disk('disk-1', evicting)])
      .node('node-2', [disk('disk-3')]),
    change: (before) => before.toNode('node-2', [disk('disk-3')], closed),
    policy: { evictionBudget: { flaggedNodes: 1, pendingCleanups: undefined } },
  },
}

/** The message of a rule in its example, as kubectl shows it: that of a denial, or a warning. */
export function messageOf(rule: RuleName): string {
  const { before, change, policy = {} } = examples[rule]
  const asked = change(before)
  const findings = before.judge(asked, policy, noon + 12_000).filter((finding) => finding.rule === rule)
  const answer = answerTo(asked, verdictOn(findings), {
    policy: { ...defaultPolicy, ...policy },
    map: before.map,
    retryAfterSeconds: 2,
  })
  const lines = answer.allowed ? answer.warnings.map((text) => `Warning: ${text}`) : [answer.status.message]
  if (lines.length === 0) throw new Error(`rule ${rule} says nothing in its example`)
  return `${lines.join('\n')}\n`
}
