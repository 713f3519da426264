import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { type EvictionCircumstances, type EvictionStep, nextEvictionStep } from './next-step.ts'
import { judgeTogether, planEvictions } from './plan.ts'

/** What a safe eviction of several nodes does next; told from the cluster alone, so that it can be taken up at any point. */
export type BatchStep =
  /** Close them all for scheduling, so that nothing moves twice. */
  | { readonly step: 'close'; readonly nodes: readonly string[] }
  /** Evict these at the same time; the others come later. */
  | { readonly step: 'evict'; readonly nodes: readonly string[]; readonly later: readonly string[] }
  | { readonly step: 'done' }
  | { readonly step: 'impossible'; readonly problems: readonly string[] }

/** In which batches. */
interface BatchOptions {
  /** At most so many nodes at the same time. */
  readonly batchSize: number
  /** Those of a plan that was made before; undefined to find them. */
  readonly batches?: readonly (readonly string[])[] | undefined
}

/**
 * The next batch of the nodes that are to be emptied. What is under way goes on first, whoever began it. What is not is
 * looked at anew before each batch: every image has to keep its copies while the nodes of the batch are emptied.
 */
export function nextBatch(
  asked: readonly string[],
  map: DiskMapView,
  circumstances: EvictionCircumstances,
  { batchSize, batches }: BatchOptions,
): BatchStep {
  const stepOf = (node: string): EvictionStep =>
    nextEvictionStep({ node, disk: undefined }, map, { ...circumstances, isOneOfSeveral: true })
  const steps = new Map(asked.map((node) => [node, stepOf(node)]))
  const isEmpty = (node: string): boolean => steps.get(node)?.step === 'done'
  const isOpen = (node: string): boolean => map.node(node)?.spec.allowScheduling === true
  // One that is empty gets copies of the others as long as it is open.
  const open = asked.filter((node) => !isEmpty(node) || (asked.length > 1 && isOpen(node)))
  if (open.length === 0) return { step: 'done' }
  const planned = batches?.map((batch) => batch.filter((node) => open.includes(node)))
  const batch = planned?.find((nodes) => nodes.length > 0)
  const begun = open.filter((node) => isUnderWay(steps.get(node)))
  if (begun.length > 0) {
    const among = (batch ?? open).filter((node) => !isEmpty(node) && steps.get(node)?.step !== 'impossible')
    return evict(joined(begun, { among, open, map, batchSize }), open)
  }

  const problems = [...steps.values()].flatMap((step) => (step.step === 'impossible' ? step.problems : []))
  if (problems.length > 0) return { step: 'impossible', problems }
  const nodes = batch ?? open
  const plan = batch ? checked(nodes, open, map) : planEvictions(open, map, { reopen: false, batchSize })
  if (!plan.possible) return { step: 'impossible', problems: plan.problems }
  const toClose = asked.length > 1 ? open.filter(isOpen) : []
  if (toClose.length > 0) return { step: 'close', nodes: toClose }
  return evict((plan.batches[0]?.nodes ?? nodes).slice(0, batchSize), open)
}

/** True for a node whose eviction has begun: to wait with it would help nobody. */
function isUnderWay(step: EvictionStep | undefined): boolean {
  if (step === undefined) return false
  return step.step === 'wait-for-notice' ? step.of === 'flag' : underWay.has(step.step)
}

const underWay: ReadonlySet<EvictionStep['step']> = new Set([
  'wait-for-replicas',
  'wait-for-copies',
  'retreat',
  'lower',
  'wait-for-removal',
  'clear',
])

function evict(nodes: readonly string[], open: readonly string[]): BatchStep {
  return { step: 'evict', nodes, later: open.filter((node) => !nodes.includes(node)) }
}

/** A batch of a plan that was made before, if it is safe now. */
function checked(nodes: readonly string[], open: readonly string[], map: DiskMapView) {
  const problems = judgeTogether(open, map)(nodes)
  return problems.length > 0
    ? { possible: false as const, problems }
    : { possible: true as const, batches: [{ nodes }] }
}

/** Those under way, with the others that can be emptied beside them. */
function joined(
  begun: readonly string[],
  {
    among,
    open,
    map,
    batchSize,
  }: {
    readonly among: readonly string[]
    readonly open: readonly string[]
    readonly map: DiskMapView
    readonly batchSize: number
  },
): string[] {
  const nodes = [...begun]
  const whyNot = judgeTogether(open, map)
  for (const node of among) {
    if (nodes.length >= batchSize) break
    if (!nodes.includes(node) && whyNot([...nodes, node]).length === 0) nodes.push(node)
  }
  return nodes
}
