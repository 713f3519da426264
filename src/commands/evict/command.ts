import { Command, InvalidArgumentError, Option } from 'commander'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { assumption, isAssumed, profileOf } from '../../longhorn/releases.ts'
import { imagesWithoutDisk, noCopyThatCounts, wayOut, whereItsCopiesAre } from '../../rules/images-nowhere.ts'
import { type LossCircumstances, someWaitToBeLost } from '../../rules/lost.ts'
import { defaultPolicy, type Policy } from '../../rules/policy.ts'
import type { Moment } from '../../rules/rule.ts'
import { lasting } from '../../rules/sentences.ts'
import { systemClock, timerMs } from '../../time/clock.ts'
import { parseDuration } from '../../time/duration.ts'
import { type ProofModules, proveGuard } from '../doctor/prove-guard.ts'
import {
  askReplicas,
  type GuardLostAfter,
  type GuardSettle,
  lostAfterOf,
  policiesOf,
  settleOf,
} from '../guard/ask-replicas.ts'
import { guardPlace, insistOnLonghorn } from '../guard/guard-place.ts'
import { insistOnDisk, insistOnNodes } from '../guard/insist-on-nodes.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  type Asking,
  askingOf,
  type ClusterFlags,
  connectWith,
  openMap,
  operatorPortOption,
} from '../options/cluster-options.ts'
import { type CommandSurroundings, exitCode } from '../surroundings.ts'
import { data, type DataFormat, dataLine } from '../terminal.ts'
import { explain, outline, runEviction } from './carry-out.ts'
import { insistOnHold, isOwnFlagUp } from './insist-on-hold.ts'
import { type EvictionStep, nameOf, nextStep } from './next-step.ts'
import { evictionPatch, type Target } from './remains.ts'
import { nextChange, patchNode } from './writes.ts'

interface EvictFlags extends ClusterFlags {
  readonly disk?: string
  readonly dryRun: boolean
  readonly timeout?: number
  readonly unguarded: boolean
  readonly operatorPort: number
  readonly output?: DataFormat
}

/** `holdfast evict`: empties a node, or a disk, without a crash and without losing a copy. */
export function evictCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('evict')
    .description('Empties a Longhorn node, or one of its disks, without a crash and without losing a copy.')
    .argument('<node>', 'the Longhorn node')
    .option('--disk <name>', 'only this disk of the node')
    .option('--dry-run', 'show the steps, and write nothing', false)
    .option(
      '--timeout <duration>',
      'stop waiting after this time; Longhorn goes on with what has begun',
      duration,
    )
    .option(
      '--unguarded',
      'on releases that crash, go on without proof that a guard holds back the removal of copies',
      false,
    )
    .addOption(operatorPortOption())
    .addOption(
      new Option('-o, --output <format>', 'also print each step as a document on standard output').choices([
        'json',
        'yaml',
      ]),
    )
    .addHelpText(
      'after',
      `
The command waits for pending clean-ups, closes the disks for scheduling, and raises the flag. Then it waits until no
replica is left and every backing image has a ready copy elsewhere.

On releases that crash it then clears the flag. Longhorn removes the copies some seconds later, once it has noticed.
Until then the guard has to hold back their removal, so the command first proves that it does: the registration is
correct, the guard denies a dry run that removes all copies of an image, and its replicas enforce the rule. If the
replicas cannot be asked, a dry run with the flag up proves it. Replicas are asked through port-forwards, as by holdfast
status, also for how long they wait until Longhorn has noticed.

The command stores no state: interrupt it at any time, and run it again to go on.

Exit code: 0 if the target is empty, 1 if it cannot be emptied, after a time-out or an interruption, 2 if it could not
begin.

Examples:
  $ holdfast evict node-1 --dry-run
  $ holdfast evict node-1
  $ holdfast evict node-1 --disk disk-2 --timeout 2h
  $ holdfast evict node-1 -o json | jq .step`,
    )
  return addImpersonationOptions(addClusterOptions(command)).action((node: string, flags: EvictFlags) =>
    evict(node, flags, surroundings),
  )
}

async function evict(node: string, flags: EvictFlags, surroundings: CommandSurroundings): Promise<void> {
  const { stdout, stderr, untilSignal, exitWith } = surroundings
  const ending = new AbortController()
  const { signal } = ending
  void untilSignal().then(() => ending.abort(new Interrupted()))
  const target: Target = { node, disk: flags.disk }
  const note = (text: string): void => void stderr.write(`${text}\n`)
  const connection = await connectWith(flags, surroundings)
  try {
    const answers = flags.unguarded ? undefined : await askGuard(connection, flags, surroundings, signal)
    const settle = answers && settleOf(answers)
    const lostAfter = lostAfterOf(answers ?? { problem: 'they are not asked with --unguarded' })
    const live = await openMap(connection, { ...flags, settle }, signal)
    const timer =
      flags.timeout === undefined
        ? undefined
        : setTimeout(() => ending.abort(new TimeIsUp()), timerMs(flags.timeout))
    try {
      insistOnLonghorn(live.map, flags.longhornNamespace)
      insistOnNodes([node], live)
      insistOnDisk(node, flags.disk, live)
      const show = (step: EvictionStep): void => {
        if (flags.output) stdout.write(documentOf(flags.output, target, step))
      }
      const policies = answers ? policiesOf(answers) : { problem: 'they are not asked with --unguarded' }
      const modules = { connection, live, settle, lostAfter, signal, note, show, policies }
      const last = await carryOut(target, flags, modules)
      if (last.step === 'impossible') exitWith(exitCode.failed)
    } finally {
      clearTimeout(timer)
      await live.stop()
    }
  } catch (error) {
    exitWith(outcomeOf(error, target, note))
  } finally {
    connection.close()
  }
}

/** Asks the replicas of the guard once for all facts. @throws the signal's reason */
async function askGuard(connection: Connection, flags: EvictFlags, asking: Asking, signal: AbortSignal) {
  const namespace = await guardPlace(connection, flags, { signal })
  return await askReplicas({ ...flags, ...askingOf(asking), namespace }, connection, signal)
}

/** The parts of an eviction. */
export interface EvictModules {
  readonly connection: Connection
  readonly live: LiveMap
  /** How long an ended change counts for the guard; the default if no guard is asked. */
  readonly settle?: GuardSettle | undefined
  /** When a node counts as lost for the guard; the default if no guard is asked. */
  readonly lostAfter?: GuardLostAfter
  readonly signal: AbortSignal
  /** Shows the progress to the person. */
  readonly note: (text: string) => void
  /** The rules of the guard's replicas. */
  readonly policies: ProofModules['policies']
  /** Shows each step to programs. */
  readonly show?: (step: EvictionStep) => void
}

/**
 * Carries it out, or, as a dry run, shows the next step.
 *
 * @returns the last step
 * @throws the error that ended it
 */
export async function carryOut(
  target: Target,
  {
    dryRun,
    unguarded,
    namespace,
    longhornNamespace,
  }: Pick<EvictFlags, 'dryRun' | 'unguarded' | 'namespace' | 'longhornNamespace'>,
  { connection, live, settle, lostAfter, signal, note, show, policies }: EvictModules,
): Promise<EvictionStep> {
  const { settleMs, settleAfterOutageMs } = settle ?? defaultPolicy
  const { lostAfterMs } = lostAfter ?? defaultPolicy
  const policy: Policy = { ...defaultPolicy, longhornNamespace, settleMs, settleAfterOutageMs, lostAfterMs }
  const profile = profileOf(live.map.release)
  const crashing = profile === 'A' || profile === 'B'
  const { release } = live.map
  if (isAssumed(release)) note(assumption(release))
  const longhorn = isAssumed(release) ? 'Such a Longhorn' : `Longhorn ${release ?? ''}`
  note(
    crashing
      ? `${longhorn} crashes if copies are removed while a flag is up, so the flag is cleared first.`
      : `${longhorn} removes copies while the flag is up, and it stays up.`,
  )
  if (crashing && settle?.problem !== undefined) note(settleUnknown(settle, settle.problem))
  if (lostAfter?.problem !== undefined && someWaitToBeLost(live.map)) note(lostAfterUnknown(lostAfter))
  tellOfImagesNowhere({ map: live.map, policy, timeOfDay: systemClock.now() }, note)
  const tell = (step: EvictionStep): void => {
    note(`${nameOf(target)}: ${explain(step, systemClock.monotonic(), dryRun ? 'would' : 'does')}`)
    show?.(step)
  }
  if (dryRun) {
    const step = nextStep(target, live.map, { policy, ...moment() })
    tell(step)
    if (step.step !== 'done' && step.step !== 'impossible') {
      note('Next steps:')
      for (const [at, text] of outline(target, live.map, profile, step).entries())
        note(`  ${at + 1}. ${text}`)
    }
    note('Nothing was written: this is a dry run.')
    return step
  }
  const guarded = crashing && !unguarded
  const proof = { connection, namespace, longhornNamespace, signal, note, map: live.map, policies }
  const write = (evictionRequested: boolean): Promise<void> =>
    patchNode(target.node, (node) => evictionPatch(target, node, evictionRequested), {
      connection,
      namespace: longhornNamespace,
      live,
      clock: systemClock,
      signal,
      onHeld: (message) => note(`held back, and tried again: ${message}`),
    })
  let proved = !guarded || (await proveGuard(proof))
  const insist = async (): Promise<void> => {
    const node = live.map.node(target.node)
    // Another eviction on the node proves nothing about this one, and its flag must stay.
    if (proved || node === undefined || !isOwnFlagUp(target, node)) return
    await insistOnHold(target, proof, () => write(false))
    proved = true
  }
  await insist()
  return await runEviction(target, policy, {
    map: live.map,
    moment,
    tell,
    changed: (until) =>
      nextChange(live, signal, until === undefined ? undefined : { clock: systemClock, until }),
    write: async (evictionRequested) => {
      await write(evictionRequested)
      await insist()
    },
  })
}

/** Then an empty disk may not be empty: Longhorn may know the file under another UUID. */
function tellOfImagesNowhere(circumstances: LossCircumstances, note: (text: string) => void): void {
  for (const nowhere of imagesWithoutDisk(circumstances)) {
    const { name } = nowhere.image.metadata
    note(
      `Warning: backing image ${name} has ${noCopyThatCounts}, and its file may be on this node: ${whereItsCopiesAre(nowhere, circumstances)}. What to do: ${wayOut(nowhere.image, circumstances.policy.longhornNamespace)}`,
    )
  }
}

/** The monotonic time is that of the disk map. */
function moment(): Moment {
  return { now: systemClock.monotonic(), timeOfDay: systemClock.now() }
}

function settleUnknown({ settleMs }: GuardSettle, why: string): string {
  return `The guard's replicas cannot be asked how long they wait until Longhorn has noticed, so the default of ${settleMs / 1_000} s is assumed. If the guard waits longer, it holds requests back, and they are tried again. ${why}`
}

function lostAfterUnknown({ lostAfterMs, problem = '' }: GuardLostAfter): string {
  return `The guard's replicas cannot be asked when a node that is down counts as lost, so the default lostAfter of ${lasting(lostAfterMs)} is assumed. ${problem}`
}

/** One line of JSON, or one of several YAML documents, since steps come one after the other. */
function documentOf(format: DataFormat, { node, disk }: Target, step: EvictionStep): string {
  const document = { apiVersion: 'holdfast.dev/v1', kind: 'EvictionStep', node, disk: disk ?? null, ...step }
  return format === 'json' ? dataLine(document) : `---\n${data('yaml', document)}`
}

class Interrupted extends Error {}

class TimeIsUp extends Error {}

function outcomeOf(error: unknown, target: Target, note: (text: string) => void): number {
  if (error instanceof Interrupted) note(`Interrupted. Go on with: ${again(target)}`)
  else if (error instanceof TimeIsUp) note(`The time is up. Go on with: ${again(target)}`)
  else if (error instanceof ApiFailure) note(error.message)
  else if (error instanceof ConnectionFailure) note(`${error.message}\nGo on with: ${again(target)}`)
  else throw error
  return exitCode.failed
}

function again({ node, disk }: Target): string {
  return `holdfast evict ${node}${disk === undefined ? '' : ` --disk ${disk}`}`
}

function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('It must be a duration such as 30m or 2h.')
  return milliseconds
}
