import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { systemClock, timerMs } from '../../time/clock.ts'
import { askReplicas, budgetOf, lostAfterOf, policiesOf, settleOf } from '../guard/ask-replicas.ts'
import { guardPlace, insistOnLonghorn } from '../guard/guard-place.ts'
import { insistOnDisk, insistOnNodes } from '../guard/insist-on-nodes.ts'
import { type Asking, askingOf, type ClusterFlags, connectWith, openMap } from '../options/cluster-options.ts'
import { commandText } from '../options/command-text.ts'
import type { ReplicaFlags } from '../options/replica-options.ts'
import { CannotRun, type CommandSurroundings, exitCode } from '../surroundings.ts'
import { data, type DataFormat, dataLine } from '../terminal.ts'
import { carryOut, carryOutBatches } from './carry-out.ts'
import { lookForDrain, untilDrained } from './drain.ts'
import type { EvictModules } from './eviction.ts'
import type { EvictionStep } from './next-step.ts'
import { leftClosed, type Target } from './remains.ts'
import { openReport, type EvictionReport } from './report.ts'

/** How nodes are to be emptied. */
export interface EvictFlags extends ClusterFlags, ReplicaFlags {
  readonly disk?: string
  readonly batchSize: number
  readonly waitForDrain: boolean
  readonly dryRun: boolean
  readonly timeout?: number
  readonly unguarded: boolean
  readonly output?: DataFormat
}

/** What is to be emptied. */
interface Wanted {
  readonly nodes: readonly string[]
  readonly disk: string | undefined
  /** Those of a plan; undefined to find them. */
  readonly batches?: readonly (readonly string[])[]
  /** What to type after `holdfast evict` to go on. */
  readonly again: readonly string[]
}

/** Empties nodes, and tells the person. */
export async function evict(
  wanted: Wanted,
  flags: EvictFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stderr, untilSignal, exitWith } = surroundings
  const ending = new AbortController()
  const { signal } = ending
  void untilSignal().then(() => ending.abort(new Interrupted()))
  const note = (text: string): void => void stderr.write(`${text}\n`)
  const connection = await connectWith(flags, surroundings)
  let live: LiveMap | undefined
  let report: EvictionReport | undefined
  try {
    const answers = flags.unguarded ? undefined : await askGuard(connection, flags, surroundings, signal)
    const settle = answers && settleOf(answers)
    live = await openMap(connection, { ...flags, settle }, signal)
    const timer =
      flags.timeout === undefined
        ? undefined
        : setTimeout(() => ending.abort(new TimeIsUp()), timerMs(flags.timeout))
    try {
      insistOnLonghorn(live.map, flags.longhornNamespace)
      insistOnNodes(wanted.nodes, live)
      for (const node of wanted.nodes) insistOnDisk(node, wanted.disk, live)
      const looks = flags.waitForDrain ? wanted.nodes : []
      for (const node of looks) await lookForDrain(node, connection, signal)
      report = await openReport(live.map, systemClock, surroundings)
      const unasked = answers ?? { problem: 'They are not asked with --unguarded.' }
      const policies = policiesOf(unasked)
      const modules: EvictModules = {
        ...{ connection, live, settle, signal, note: report.note, policies },
        lostAfter: lostAfterOf(unasked),
        budget: budgetOf(policies),
        onStep: stepReporter(report, flags, surroundings),
      }
      const last = await emptied(wanted, flags, modules)
      if (last.step === 'impossible') exitWith(exitCode.failed)
    } finally {
      clearTimeout(timer)
    }
  } catch (error) {
    report?.end()
    const again = ['evict', ...wanted.again, ...diskOf(wanted), ...waysOf(flags)]
    exitWith(outcomeOf(error, commandText(again, flags), note))
  } finally {
    report?.end()
    if (live && report && !flags.dryRun) noteLeftClosed(wanted, flags, live, note)
    await live?.stop()
    connection.close()
  }
}

/**
 * Empties one node or disk, or several nodes in batches, and waits for their drain.
 *
 * @returns the last step
 * @throws the error that ended it
 */
async function emptied(
  { nodes, disk, batches }: Wanted,
  flags: EvictFlags,
  modules: EvictModules,
): Promise<EvictionStep> {
  const [first, ...others] = nodes
  if (first === undefined) throw new CannotRun('There is no node to empty')
  const isOne = others.length === 0 && batches === undefined
  const last = isOne
    ? await carryOut({ node: first, disk }, flags, modules)
    : await carryOutBatches(nodes, { batches, batchSize: flags.batchSize }, flags, modules)
  if (last.step !== 'done' || !flags.waitForDrain || flags.dryRun) return last
  const { connection, signal, onStep } = modules
  const drains = nodes.map((node) =>
    untilDrained(node, {
      connection,
      signal,
      clock: systemClock,
      onStep: (step) => onStep({ node, disk }, step),
    }),
  )
  await Promise.all(drains)
  return last
}

/**
 * Asks the replicas of the guard once for all facts.
 *
 * @throws the signal's reason
 */
async function askGuard(connection: Connection, flags: EvictFlags, asking: Asking, signal: AbortSignal) {
  const namespace = await guardPlace(connection, flags, { signal })
  return await askReplicas({ ...flags, ...askingOf(asking), namespace }, connection, signal)
}

/** Tells people of each step, and programs of each that is another one. */
function stepReporter(
  report: EvictionReport,
  { dryRun, output }: EvictFlags,
  { stdout }: CommandSurroundings,
): EvictModules['onStep'] {
  return (target, step) => {
    // What a dry run would do is told in other words.
    const isNew = dryRun || report.show(target, step)
    if (isNew && output) stdout.write(documentOf(output, target, step))
  }
}

/** One line of JSON, or one of several YAML documents, since steps come one after the other. */
function documentOf(format: DataFormat, { node, disk }: Target, step: EvictionStep): string {
  const document = { apiVersion: 'holdfast.dev/v1', kind: 'EvictionStep', node, disk: disk ?? null, ...step }
  return format === 'json' ? dataLine(document) : `---\n${data('yaml', document)}`
}

function noteLeftClosed(
  wanted: Wanted,
  flags: EvictFlags,
  { map }: LiveMap,
  note: (text: string) => void,
): void {
  const closed = leftClosed(wanted.nodes, wanted.disk, map)
  if (closed.length === 0) return
  const which = wanted.disk === undefined ? closed.join(', ') : `disk ${wanted.disk} of ${closed.join(', ')}`
  const reopen = commandText(['reopen', ...closed, ...diskOf(wanted)], flags)
  note(`Closed for scheduling: ${which}. To put back in service: ${reopen}`)
}

/** How the person wants it, to type again. */
function waysOf({ unguarded, waitForDrain, batchSize }: EvictFlags): string[] {
  return [
    ...(Number.isFinite(batchSize) ? ['--batch-size', String(batchSize)] : []),
    ...(waitForDrain ? ['--wait-for-drain'] : []),
    ...(unguarded ? ['--unguarded'] : []),
  ]
}

function diskOf({ disk }: Wanted): string[] {
  return disk === undefined ? [] : ['--disk', disk]
}

class Interrupted extends Error {}

class TimeIsUp extends Error {}

function outcomeOf(error: unknown, again: string, note: (text: string) => void): number {
  if (error instanceof Interrupted) note(`Interrupted. Go on with: ${again}`)
  else if (error instanceof TimeIsUp) note(`The time is up. Go on with: ${again}`)
  else if (error instanceof ApiFailure) note(error.message)
  else if (error instanceof ConnectionFailure) note(`${error.message}\nGo on with: ${again}`)
  else throw error
  return exitCode.failed
}
