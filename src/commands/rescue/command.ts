import { Command, InvalidArgumentError, Option } from 'commander'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { whoAmI } from '../../kubernetes/who-am-i.ts'
import { assumption, isAssumed } from '../../longhorn/releases.ts'
import { systemClock, timerMs } from '../../time/clock.ts'
import { parseDuration } from '../../time/duration.ts'
import { insistOnLonghorn } from '../guard/guard-place.ts'
import { insistOnNodes } from '../guard/insist-on-nodes.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  type ClusterFlags,
  connectWith,
  openMap,
} from '../options/cluster-options.ts'
import { commandText } from '../options/command-text.ts'
import { addReplicaOptions, type ReplicaFlags } from '../options/replica-options.ts'
import { CannotRun, type CommandSurroundings, exitCode } from '../surroundings.ts'
import { data, type DataFormat, dataLine } from '../terminal.ts'
import {
  diagnosisOf,
  rescueHeading,
  nodesToRescue,
  otherTroubles,
  type Sight,
  troubledPods,
} from './diagnose.ts'
import { explainRescue, outlineRescue } from './explain.ts'
import { RescueGuard } from './guard.ts'
import { ManagerWatch, readPanics } from './look.ts'
import { type Ending, nextRescueStep, type RescueStep } from '../../rules/rescue/next-step.ts'
import { rescueNodes, type RescueModules } from './rescue.ts'

interface RescueFlags extends ClusterFlags, ReplicaFlags {
  readonly dryRun: boolean
  readonly timeout: number
  readonly leaveCleared: boolean
  readonly unguarded: boolean
  readonly output?: DataFormat
}

const usualTimeoutMs = 15 * 60_000

/** `holdfast rescue`: ends the crashes of managers that crash now, and puts their evictions back. */
export function rescueCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('rescue')
    .description('Ends the crashes of longhorn-managers where an eviction has met a clean-up.')
    .argument('[node...]', 'these Longhorn nodes only; all that are in danger if none is named')
    .option('--dry-run', 'tell what is wrong and what would be done, and write nothing', false)
    .addOption(
      new Option('--timeout <duration>', 'give up after this; what was done stays, and is gone on with')
        .argParser(duration)
        .default(usualTimeoutMs, '15m'),
    )
    .option('--leave-cleared', 'do not raise the flags again, and forget which were up', false)
    .option(
      '--unguarded',
      'on releases that crash, raise the flags again although it is not proved that a guard holds back the removal of copies',
      false,
    )
    .addOption(
      new Option('-o, --output <format>', 'each step as a document on standard output too').choices([
        'json',
        'yaml',
      ]),
    )
    .addHelpText(
      'after',
      `
It automates Longhorn's published work-around, with a guard or without one. It says which managers crash and why, takes
the eviction flags of their nodes down, waits until the clean-ups have ended and the managers are ready, and raises the
flags again. Scheduling stays as it is.

The same write that takes flags down notes them on the node, in annotation holdfast.dev/rescue, with time and user. That is
all its state: interrupt it, and run it again to go on. The flags go up again only if it is proved that a guard holds back
the removal of copies, as by holdfast evict. Otherwise they stay down and noted, and the exit code is 3. To finish the
eviction then, run holdfast evict.

Flags that the guard has taken down itself (rescue: on) it raises itself too, unless you run this with --leave-cleared.

It needs the right to patch nodes.longhorn.io. With the rights to list pods and to get pods/log in Longhorn's namespace it
sees the crashes themselves.

Exit code: 0 if all are rescued or none is in danger, 1 if one is not, the time is up or it was interrupted, 2 if it could
not look, 3 if no manager is in danger any more and flags stay down and noted.

Examples:
  $ holdfast rescue --dry-run
  $ holdfast rescue
  $ holdfast rescue node-1 --leave-cleared
  $ holdfast rescue --timeout 30m -o json | jq .step`,
    )
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command))).action(
    (nodes: string[], flags: RescueFlags) => rescue(nodes, flags, surroundings),
  )
}

async function rescue(
  named: readonly string[],
  flags: RescueFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stdout, stderr, untilSignal, exitWith } = surroundings
  const ending = new AbortController()
  void untilSignal().then(() => ending.abort(new Interrupted()))
  const note = (text: string): void => void stderr.write(`${text}\n`)
  const connection = await connectWith(flags, surroundings)
  const { longhornNamespace } = flags
  const place = { connection, longhornNamespace, signal: ending.signal }
  const timer = setTimeout(() => ending.abort(new TimeIsUp()), timerMs(flags.timeout))
  let live: LiveMap | undefined
  try {
    live = await openMap(connection, flags, ending.signal)
    const show = (node: string, step: RescueStep): void => {
      if (flags.output) stdout.write(documentOf(flags.output, node, step))
    }
    const guard = new RescueGuard(flags, { ...place, asking: surroundings, map: live.map, note })
    const commandOf = (words: readonly string[]): string => commandText(words, flags)
    await carryOutRescue(named, flags, { ...place, live, guard, note, show, commandOf, exitWith })
  } catch (error) {
    exitWith(outcomeOf(error, commandText(['rescue', ...named, ...waysOf(flags)], flags), note))
  } finally {
    clearTimeout(timer)
    await live?.stop()
    connection.close()
  }
}

/** What a rescue is carried out with. */
interface CarryOutModules extends Pick<
  RescueModules,
  'connection' | 'longhornNamespace' | 'live' | 'guard' | 'signal' | 'note' | 'show' | 'commandOf'
> {
  readonly exitWith: (code: number) => void
  /** How often the pods of the managers are looked at, in milliseconds. */
  readonly lookEveryMs?: number
}

/** Says what is wrong, and carries the rescue out, or, as a dry run, says what would be done. @throws what ended it */
export async function carryOutRescue(
  named: readonly string[],
  flags: Pick<RescueFlags, 'dryRun' | 'leaveCleared' | 'unguarded'>,
  modules: CarryOutModules,
): Promise<void> {
  const { longhornNamespace, live, signal, note, exitWith, lookEveryMs = 2_000 } = modules
  const { map } = live
  const watchingSince = systemClock.monotonic()
  insistOnLonghorn(map, longhornNamespace)
  insistOnNodes(named, live)
  const watch = new ManagerWatch(modules)
  const [by] = await Promise.all([whoAmI(modules.connection, signal), watch.look()])
  const panics = await readPanics(troubledPods(map, watch.pods), modules)
  const sight = (): Sight => ({
    ...{ map, pods: watch.pods, panics },
    now: systemClock.monotonic(),
    timeOfDay: systemClock.now(),
  })
  if (isAssumed(map.release)) note(assumption(map.release))
  for (const line of rescueHeading(sight())) note(line)
  const nodes = nodesToRescue(map, named)
  insistOnWholeSight(nodes, live, note)
  for (const name of nodes) {
    const node = map.node(name)
    for (const line of node ? diagnosisOf(node, sight()) : []) note(line)
  }
  for (const line of otherTroubles(sight(), nodes)) note(line)
  const wanted: Ending = flags.leaveCleared ? 'leave-cleared' : 'raise'
  const needsGuard = !flags.unguarded
  const rescuing = { ...modules, watch, watchingSince, wanted, by, needsGuard, lookEveryMs }
  if (flags.dryRun) {
    notePlan(nodes, rescuing)
    return
  }
  const { failed, noted, isHelped } = await rescueNodes(nodes, named.length > 0, rescuing)
  if (failed.length > 0) exitWith(exitCode.failed)
  else if (noted.length > 0) {
    note(
      `No eviction meets a clean-up on these nodes any more. Flags stay down and noted: ${noted.join(', ')}`,
    )
    exitWith(exitCode.leftUndone)
  } else if (isHelped) note('Rescued: no eviction meets a clean-up on these nodes any more.')
}

/** What the person wants of the flags, to type again. */
function waysOf({ leaveCleared, unguarded }: Pick<RescueFlags, 'leaveCleared' | 'unguarded'>): string[] {
  return [...(leaveCleared ? ['--leave-cleared'] : []), ...(unguarded ? ['--unguarded'] : [])]
}

/** Nothing is well that nobody could look at. @throws CannotRun */
function insistOnWholeSight(
  nodes: readonly string[],
  { unreadable }: LiveMap,
  note: (text: string) => void,
): void {
  const odd = [...unreadable].map(({ kind, name, problem }) => `${kind} ${name} cannot be read: ${problem}`)
  if (odd.length === 0) return
  if (nodes.length === 0) throw new CannotRun(`cannot tell whether a manager is in danger: ${odd.join('\n')}`)
  for (const text of odd) note(`Warning: ${text}`)
}

function notePlan(nodes: readonly string[], modules: RescueModules): void {
  const { live, longhornNamespace, note, show, watch, watchingSince, wanted, guard, commandOf } = modules
  for (const name of nodes) {
    const moment = { now: systemClock.monotonic(), timeOfDay: systemClock.now() }
    const circumstances = { ...moment, policy: guard.policy, pods: watch.pods, watchingSince, ending: wanted }
    const step = nextRescueStep(name, live.map, circumstances)
    note(
      `${name}: ${explainRescue(name, step, { now: moment.now, longhornNamespace, commandOf, isDryRun: true })}`,
    )
    show(name, step)
    for (const [at, text] of outlineRescue(step, wanted).entries()) note(`  ${at + 1}. ${text}`)
  }
  note('Nothing was written: this is a dry run.')
}

/** One line of JSON, or one of several YAML documents, since steps come one after the other. */
function documentOf(format: DataFormat, node: string, step: RescueStep): string {
  const document = { apiVersion: 'holdfast.dev/v1', kind: 'RescueStep', node, ...step }
  return format === 'json' ? dataLine(document) : `---\n${data('yaml', document)}`
}

class Interrupted extends Error {}

class TimeIsUp extends Error {}

function outcomeOf(error: unknown, again: string, note: (text: string) => void): number {
  const goOn = `Go on with: ${again}`
  if (error instanceof Interrupted) note(`Interrupted. ${goOn}`)
  else if (error instanceof TimeIsUp) note(`The time is up. ${goOn}`)
  else if (error instanceof ApiFailure) note(error.message)
  else if (error instanceof ConnectionFailure) note(`${error.message}\n${goOn}`)
  else throw error
  return exitCode.failed
}

function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('It must be a duration such as 5m or 1h.')
  return milliseconds
}
