import fc from 'fast-check'
import t from 'tap'
import type { DiskMapView } from '../../src/disk-map/disk-map-view.ts'
import { isAtWork, type Node } from '../../src/longhorn/node.ts'
import type { Change, Request } from '../../src/rules/change.ts'
import { type Finding, type RuleName, ruleNames } from '../../src/rules/finding.ts'
import { judge } from '../../src/rules/judge.ts'
import { oneLineOf } from '../../src/rules/layout.ts'
import { defaultPolicy, type Mode, type Policy, policyFor, withModes } from '../../src/rules/policy.ts'
import {
  admin,
  cluster,
  longhornAccount,
  moment,
  noon,
  releases,
  request,
  type TestCluster,
} from '../fixtures/cluster.ts'
import { disk, type RawCopy, type RawDisk, type RawNotReady } from '../fixtures/raw-objects.ts'
import { depth } from '../fixtures/thorough.ts'

const diskNames = ['d1', 'd2', 'd3', 'd4'] as const
const key = 'holdfast.dev/override'

const anyNotReady: fc.Arbitrary<RawNotReady | undefined> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        reason: fc.constantFrom(
          'KubernetesNodeGone',
          'ManagerPodDown',
          'KubernetesNodePressure',
          'NoDiskInfo',
        ),
        since: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T11:55:00Z'),
        writtenAt: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T11:55:00Z'),
      },
      { requiredKeys: ['reason', 'since'] },
    ),
  },
)

const anyDisk = (name: string): fc.Arbitrary<RawDisk> =>
  fc
    .record({
      evictionRequested: fc.boolean(),
      notReady: anyNotReady,
      synced: fc.constantFrom(true, true, true, false),
    })
    .map((of) => disk(name, of))

const anyNode = fc.record({
  disks: fc.subarray([...diskNames]).chain((names) => fc.tuple(...names.map(anyDisk))),
  evictionRequested: fc.constantFrom(false, false, true),
  notReady: anyNotReady,
})

const anyCopy = (on: string): fc.Arbitrary<RawCopy> =>
  fc.record({
    disk: fc.constant(on),
    wanted: fc.constantFrom(true, true, true, false),
    evictionRequested: fc.boolean(),
    state: fc.constantFrom(undefined, 'ready', 'ready', 'unknown', 'unknown', 'failed', 'in-progress'),
  })

const anyImage = fc.record({
  copies: fc.subarray([...diskNames]).chain((names) => fc.tuple(...names.map(anyCopy))),
  minNumberOfCopies: fc.constantFrom(1, 2, 3),
  replica: fc.option(fc.tuple(fc.constantFrom(...diskNames), fc.constantFrom('n1', 'n2', 'n9', '')), {
    nil: undefined,
  }),
})

const anyCluster = fc
  .record({
    profile: fc.constantFrom<keyof typeof releases>('A', 'B', 'C', 'none'),
    nodes: fc.tuple(anyNode, anyNode, anyNode),
    images: fc.tuple(anyImage, anyImage),
  })
  .map(({ profile, nodes, images }) => () => {
    const of = cluster(releases[profile])
    nodes.forEach(({ disks, notReady, evictionRequested }, at) =>
      of.node(`n${at + 1}`, disks, {
        evictionRequested,
        metadata: { generation: 3 },
        ...(notReady && { notReady }),
      }),
    )
    images.forEach(({ copies, minNumberOfCopies, replica }, at) => {
      of.image(`i${at + 1}`, copies, { minNumberOfCopies })
      if (replica) of.replica(`r${at + 1}`, `i${at + 1}`, ...replica)
    })
    return of
  })

const anyPolicy: fc.Arbitrary<Policy> = fc
  .record({
    modes: fc.array(fc.constantFrom<Mode>('enforce', 'enforce', 'enforce', 'warn', 'off'), {
      minLength: ruleNames.length,
      maxLength: ruleNames.length,
    }),
    groups: fc.constantFrom(undefined, undefined, ['storage-admins'], ['system:authenticated']),
    except: fc.subarray<RuleName>(['disk-removal-with-copies', 'last-usable-copy', 'copy-in-use']),
    flaggedNodes: fc.constantFrom(undefined, 1),
  })
  .map(({ modes, groups, except, flaggedNodes }) => ({
    ...defaultPolicy,
    longhornNamespace: 'storage',
    modes: withModes(defaultPolicy.modes, (rule) => modes[ruleNames.indexOf(rule)] ?? 'enforce'),
    override: { groups, except: new Set(except) },
    evictionBudget: { flaggedNodes, pendingCleanups: undefined },
  }))

type Act = (of: TestCluster, by: Partial<Request>) => Change

const someNode = fc.constantFrom('n1', 'n2')

const anyAct: fc.Arbitrary<Act> = fc.oneof(
  someNode.map(
    (name): Act =>
      (of, by) =>
        of.deleteNode(name, by),
  ),
  someNode.map(
    (name): Act =>
      (of, by) =>
        toSpec(of, name, { disks: new Map() }, by),
  ),
  someNode.map(
    (name): Act =>
      (of, by) =>
        toSpec(of, name, { evictionRequested: true }, by),
  ),
  fc.tuple(fc.constantFrom('i1', 'i2'), fc.subarray([...diskNames], { minLength: 1 })).map(
    ([image, disks]): Act =>
      (of, by) =>
        of.cleanUp(image, disks, by),
  ),
)

function toSpec(of: TestCluster, name: string, spec: Partial<Node['spec']>, by: Partial<Request>): Change {
  const before = of.map.node(name)
  if (!before) throw new Error(`there is ${name}`)
  const after = { ...before, spec: { ...before.spec, ...spec } }
  return { kind: 'Node', operation: 'UPDATE', before, after, request: request(by) }
}

const anyActor = fc.constantFrom(admin, longhornAccount, { username: 'eve', groups: ['storage-admins'] })

/** The same change with the override that an advice contains. */
function overridden(change: Change, overrideReason: string): Change {
  if (change.kind !== 'Node') throw new Error(`nobody overrides a write to a ${change.kind}`)
  const why = 'the machine burnt down'
  const before = was(change.before)
  if (change.operation !== 'DELETE' && !overrideReason.includes('delete the whole node'))
    return { ...change, operation: 'UPDATE', before, after: noted(was(change.after), why) }
  const written = new RegExp(`'${key}=([^']*)'`).exec(overrideReason)?.[1]?.replace('<why>', why)
  if (written === undefined) throw new Error(`no command in: ${overrideReason}`)
  const stored = overrideReason.includes('disable the scheduling of the node') ? closed(before) : before
  return { kind: 'Node', operation: 'DELETE', request: change.request, before: noted(stored, written) }
}

/** The node once its scheduling is disabled. */
function closed({ metadata, spec, ...rest }: Node): Node {
  const { generation } = metadata
  return {
    ...rest,
    metadata: { ...metadata, generation: generation + 1 },
    spec: { ...spec, allowScheduling: false },
  }
}

function was(before: Node | undefined): Node {
  if (!before) throw new Error('nothing is created here')
  return before
}

function noted(node: Node, override: string): Node {
  return { ...node, metadata: { ...node.metadata, override } }
}

/** Each disk of a node that a text names. */
function disksIn(text: string) {
  return [...text.matchAll(/(?<![\w-])(d\d) of (n\d)/g)].map(([, name = '', node = '']) => ({ name, node }))
}

function problemsOf(finding: Finding, change: Change, of: TestCluster, policy: Policy): string[] {
  const map: DiskMapView = of.map
  const text = oneLineOf(finding)
  const problems: string[] = []
  for (const { name, node } of disksIn(text)) {
    // A message may also name the disks of the request itself.
    const known = [map.node(node), change.kind === 'Node' ? change.after : undefined]
    if (!known.some((each) => each?.spec.disks.has(name))) problems.push(`${node} has no ${name}`)
  }
  for (const [, uuid = ''] of text.matchAll(/disk (uuid-\S+) \(which no node has\)/g))
    if (map.ownersOf(uuid).length > 0) problems.push(`a node has ${uuid}`)
  const keeps = /keeps a ready one on (.*)$/.exec(finding.found)?.[1]
  if (keeps !== undefined) {
    const [kept] = disksIn(keeps)
    const node = kept && map.node(kept.node)
    if (!kept || !node || !isAtWork(node, kept.name)) problems.push(`${keeps} does not work`)
  }
  for (const [command] of text.matchAll(/kubectl(?! get crd).*?(?=\s\||\)|[;.,]\s|$)/g))
    if (!command.includes('-n storage ')) problems.push(`it is not said where: ${command}`)
  const [subject] = finding.subjects
  if (finding.next.startsWith('Clean the copy up first') && subject?.image !== undefined) {
    const disks = [subject.diskUUID?.replace('uuid-', '') ?? '']
    const refused = judge(of.cleanUp(subject.image, disks), map, policy, moment(noon))
    problems.push(...refused.filter(({ effect }) => effect === 'refuse').map(({ found }) => found))
  }
  if (text.includes(key)) {
    const again = overridden(change, finding.next)
    const softened = policyFor(again, policy)
    const stopped = judge(again, map, softened, moment(noon)).some(
      ({ rule, effect }) => rule === finding.rule && effect !== 'warn',
    )
    if (softened === policy) problems.push('the override is not granted')
    if (stopped) problems.push('the override does not help')
    if (finding.effect === 'warn') problems.push('nothing has to be overridden')
  }
  return problems
}

t.test('an advice names existing objects, and no way that is closed', (t) => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(anyCluster, anyPolicy, anyAct, anyActor, (made, policy, act, actor) => {
      const of = made()
      const change = act(of, { actor, askedAt: noon })
      for (const finding of judge(change, of.map, policy, moment(noon))) {
        seen.set(finding.rule, (seen.get(finding.rule) ?? 0) + 1)
        if (finding.next.includes(key)) seen.set('override', (seen.get('override') ?? 0) + 1)
        const problems = problemsOf(finding, change, of, policy)
        t.strictSame(problems, [], oneLineOf(finding))
      }
    }),
    { numRuns: depth(1_500, 10_000), seed: 20_261_130 },
  )
  t.comment(JSON.stringify(Object.fromEntries(seen)))
  for (const what of [
    'override',
    'disk-removal-with-copies',
    'last-usable-copy',
    'copy-in-use',
    'below-min-copies',
  ])
    t.ok((seen.get(what) ?? 0) > 10, `${what}: ${seen.get(what)}`)
  t.end()
})

t.test('an override that the policy closes is not advised', (t) => {
  const gone = { notReady: { reason: 'KubernetesNodeGone' } }
  const dead = cluster('v1.9.2')
    .node('n1', [disk('d1')], gone)
    .image('golden', [{ disk: 'd1', wanted: true, evictionRequested: false, state: 'unknown' }])
  const next = (override: Policy['override'], change: Change) =>
    dead.judge(change, { override }).find(({ rule }) => rule === 'disk-removal-with-copies')?.next
  for (const change of [dead.deleteNode('n1'), dead.toNode('n1', [], gone)]) {
    t.match(next(defaultPolicy.override, change), key)
    t.notMatch(next({ groups: undefined, except: new Set(['disk-removal-with-copies']) }, change), key)
    t.notMatch(next({ groups: ['storage-admins'], except: new Set() }, change), key)
  }
  t.end()
})
