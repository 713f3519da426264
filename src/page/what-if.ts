import { type Static, Type } from 'typebox'
import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { judgeAsked, readChange, type Verdict } from '../gate/verdict.ts'
import { isFlagged, type Node } from '../longhorn/node.ts'
import { actsOf, type NodeChange, proposedUpdate } from '../rules/change.ts'
import { adviceOf, headlineOf } from '../rules/layout.ts'
import type { Policy } from '../rules/policy.ts'
import { plainLine, shellWord } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'

const Text = Type.String()

/** JSON Schema of `GET /api/v1/what-if`. */
export const WhatIfSchema = Type.Object(
  {
    apiVersion: Type.Literal('holdfast.dev/v1'),
    kind: Type.Literal('WhatIf'),
    verdicts: Type.Array(
      Type.Object({
        node: Text,
        decision: Type.Unsafe<'admitted' | 'waits' | 'denied'>({
          type: 'string',
          enum: ['admitted', 'waits', 'denied'],
          description: 'The verdict on the eviction of this node alone, now.',
        }),
        findings: Type.Array(Type.Object({ rule: Text, message: Text, advice: Text })),
      }),
    ),
    plan: Type.Object({
      possible: Type.Boolean(),
      closeFirst: Type.Array(Text, { description: 'Nodes to close for scheduling before the first batch.' }),
      batches: Type.Array(Type.Object({ nodes: Type.Array(Text), images: Type.Array(Text) }), {
        description: 'Nodes that can be evicted together, and the images of which a copy moves.',
      }),
      problems: Type.Array(Text, { description: 'Why there is no plan.' }),
      tooMuch: Type.Boolean({ description: 'True if planning would take too long here: run the command.' }),
    }),
    commands: Type.Array(Text, { description: 'Commands to run, in this order.' }),
  },
  { $id: 'holdfast.dev/v1/WhatIf', title: 'What would happen if these nodes were evicted' },
)

/** The answer. */
export type WhatIf = Static<typeof WhatIfSchema>

/** An order in batches, or why there is none. */
type Plan =
  | {
      readonly possible: true
      readonly closeFirst: readonly string[]
      readonly batches: readonly { readonly nodes: readonly string[]; readonly images: readonly string[] }[]
    }
  | { readonly possible: false; readonly problems: readonly string[]; readonly tooMuch?: boolean }

/** Plans the eviction of nodes, as `holdfast plan` does. */
export type PlanEvictions = (nodes: readonly string[], map: DiskMapView) => Plan

/** The sources of an answer. */
export interface WhatIfModules {
  readonly map: DiskMapView
  readonly policy: Policy
  readonly plan: PlanEvictions
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** The flags with which a command looks at the same cluster. */
  readonly flags: () => string
}

/** Planning takes longer the more there are. */
export const mostNodes = 50

/**
 * The verdict of the rules on the eviction of each of these nodes, and an order in batches. It writes, reserves and records
 * nothing, and does not ask the API server. So changes that were admitted a moment ago do not count.
 *
 * @param names of nodes that there are
 */
export function whatIf(names: readonly string[], modules: WhatIfModules): WhatIf {
  const { map, plan } = modules
  const command = (what: string, nodes: readonly string[]): string =>
    ['holdfast', what, ...nodes.map(shellWord), modules.flags()].filter(Boolean).join(' ')
  const found = plan(names, map)
  const { closeFirst, batches, problems, tooMuch } = {
    ...{ closeFirst: [], batches: [], problems: [], tooMuch: false },
    ...found,
  }
  return {
    apiVersion: 'holdfast.dev/v1',
    kind: 'WhatIf',
    verdicts: names.flatMap((name) => {
      const node = map.node(name)
      return node ? [verdictOf(node, modules)] : []
    }),
    plan: {
      possible: found.possible,
      closeFirst: [...closeFirst],
      batches: batches.map(({ nodes, images }) => ({ nodes: [...nodes], images: [...images] })),
      problems: [...problems],
      tooMuch,
    },
    commands: tooMuch
      ? [command('plan', names)]
      : ['evict', 'reopen'].flatMap((what) => {
          const order = batches.flatMap(({ nodes }) => nodes)
          return order.length > 0 ? [command(what, order)] : []
        }),
  }
}

function verdictOf(node: Node, { map, policy, clock }: WhatIfModules): WhatIf['verdicts'][number] {
  const change = evictionOf(node)
  const asked = readChange(change, actsOf(change), policy)
  const verdict = judgeAsked(asked, { map, policy: asked.policy, clock })
  return { node: node.metadata.name, decision: decisions[verdict.decision], findings: findingsOf(verdict) }
}

const decisions = { allow: 'admitted', hold: 'waits', refuse: 'denied' } as const

type Judged = Exclude<Verdict, { decision: 'unavailable' }>

/** An answer has so many findings of one node at most. */
const listedFindings = 10

function findingsOf(verdict: Judged): WhatIf['verdicts'][number]['findings'] {
  const objections = verdict.decision === 'allow' ? [] : verdict.objections
  return [...objections, ...verdict.warnings].slice(0, listedFindings).map((finding) => ({
    rule: finding.rule,
    message: plainLine(`${headlineOf(finding)}. ${finding.why}`),
    advice: adviceOf(finding),
  }))
}

/** The flag of the whole node goes up, as `holdfast evict` raises it. One that is up already is raised anew. */
function evictionOf(node: Node): NodeChange {
  const before = isFlagged(node) ? { ...node, spec: withoutFlags(node) } : node
  return proposedUpdate(before, { ...node, spec: { ...node.spec, evictionRequested: true } })
}

function withoutFlags({ spec }: Node): Node['spec'] {
  const disks = [...spec.disks].map(([name, disk]) => [name, { ...disk, evictionRequested: false }] as const)
  return { ...spec, evictionRequested: false, disks: new Map(disks) }
}
