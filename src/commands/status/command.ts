import { Command } from 'commander'
import { findLonghorn, hasLonghorn, noLonghornIn } from '../../disk-map/disk-map-view.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest } from '../../kubernetes/client/json-request.ts'
import { LiveReservations } from '../../kubernetes/leases/live-reservations.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { someWaitToBeLost } from '../../rules/lost.ts'
import { lasting } from '../../rules/sentences.ts'
import { systemClock } from '../../time/clock.ts'
import { insistOnLonghorn, lookForGuard } from '../guard/guard-place.ts'
import { insistOnNodes } from '../guard/insist-on-nodes.ts'
import { GuardStatus } from '../guard/reach-replicas.ts'
import { selectedNodes } from '../guard/selected-nodes.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  askingOf,
  type ClusterFlags,
  connectWith,
  openMap,
} from '../options/cluster-options.ts'
import { addReplicaOptions, type ReplicaFlags } from '../options/replica-options.ts'
import { type OutputFormat, outputOption } from '../output/output-format.ts'
import { CannotRun, type CommandSurroundings, exitCode } from '../surroundings.ts'
import { coloursFor, widthOf } from '../terminal.ts'
import { Notes, openDisplay, statusText } from './display.ts'
import { observe } from './observe.ts'
import { somethingIsWrong, type Status } from './status.ts'
import { watchStatus } from './watch.ts'

interface StatusFlags extends ClusterFlags, ReplicaFlags {
  readonly selector?: string
  readonly onlyAffected: boolean
  readonly output?: OutputFormat<'wide'>
  readonly headers: boolean
  readonly watch: boolean
}

/** The sources of a status. */
interface Sources {
  readonly book: LiveReservations
  readonly live: LiveMap
  readonly connection: Connection
}

/** `holdfast status`: the contents of Longhorn's disks, and the work in progress there. */
export function statusCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('status')
    .description(
      'Shows who waits, and Longhorn’s nodes with flags, scheduling, numbers of copies, pending clean-ups and reservations.',
    )
    .argument('[node...]', 'only these Longhorn nodes')
    .addOption(outputOption(['wide'], 'wide: each disk and reservation too'))
    .option(
      '-l, --selector <labels>',
      'only Longhorn nodes that have these labels at the start, as for kubectl get -l',
    )
    .option(
      '--only-affected',
      'only nodes that are not ok, are closed for scheduling, have a reservation or noted flags',
      false,
    )
    .option('--no-headers', 'tables without headings, and nothing before them')
    .option('-w, --watch', 'show it again whenever it changes, until q or Ctrl-C', false)
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command)))
    .addHelpText(
      'after',
      `
STATE is one of:
  danger       an eviction flag and a pending clean-up have met: the longhorn-manager of the node crashes
  flagged      an eviction flag is up
  cleaning up  spec no longer has a copy that status still lists
  down         no longhorn-manager runs on the node
  settling     a flag or a clean-up has just ended, and Longhorn may not have noticed; the guard waits that long
  ok           none of these
IMAGE NOWHERE is a backing image without a usable copy on a disk that a node has and that is not lost. RESERVED are
admitted changes that may still be committed, and evictions that wait for clean-ups.

WAITING are the requests that the guard holds now. FOR is the time since the user first asked, and LEFT the latest time of
the answer. kubectl retries after it.

Longhorn does not record when a clean-up began, so its age is unknown unless it began during --watch, or the guard saw it
begin. The command asks the guard's replicas for that, and for the waiting requests, through port-forwards.
That needs the right to list pods and to create pods/portforward in the guard's namespace. Without it the rest is shown.

Exit code: 0 if no node shown is in danger and no image is nowhere, 1 if one is, 2 if the command could not run. With --watch 0 on q or Ctrl-C.

With --watch on a terminal that is too small for all, the arrows, Page Up, Page Down, Home and End scroll, and so do the
keys of less.

-o takes what kubectl get takes: templates of jsonpath and custom-columns see the document of -o json. Custom columns have a
row for each node, and name prints node.longhorn.io/NAME for each.

Examples:
  $ holdfast status
  $ holdfast status node-1 node-2 -o wide
  $ holdfast status --only-affected
  $ holdfast status -o json
  $ holdfast status -o jsonpath='{.nodes[?(@.state=="danger")].name}'
  $ holdfast status -o custom-columns=NODE:.name,STATE:.state --no-headers
  $ holdfast status --watch`,
    )
    .action((nodes: string[], flags: StatusFlags) => showStatus(new Set(nodes), flags, surroundings))
}

async function showStatus(
  named: ReadonlySet<string>,
  flags: StatusFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { env, stdout, stderr, untilSignal, exitWith } = surroundings
  if (flags.selector !== undefined && named.size > 0)
    throw new CannotRun('name nodes, or select them by labels (--selector), not both')
  const ended = new AbortController()
  if (flags.watch) void untilSignal().then(() => ended.abort(new Error('Watching has ended.')))
  const connection = await connectWith(flags, surroundings)
  const notes = new Notes(stderr)
  const note = notes.note
  const opened: { stop(): Promise<void> }[] = []
  try {
    const live = await openMap(connection, flags, ended.signal, ({ message }) => note(message))
    opened.push(live)
    const { namespace, doubt } = await lookForGuard(connection, flags, { signal: ended.signal, note })
    if (doubt !== undefined)
      note(`Namespace ${namespace} is a guess, so reservations and holds may be missing: ${doubt}`)
    const book = await LiveReservations.open(connection, namespace, ended.signal)
    opened.push(book)
    // Without Longhorn no name and no label is to blame.
    if (flags.selector !== undefined || named.size > 0) insistOnLonghorn(live.map, flags.longhornNamespace)
    const only =
      flags.selector === undefined
        ? named
        : await selectedNodes(flags.selector, { ...flags, connection }, ended.signal)
    insistOnNodes(only, live)
    const followsLonghorn = hasLonghorn(live.map)
    if (!followsLonghorn) note(`${noLonghornIn(flags.longhornNamespace)} ${findLonghorn}`)
    const isSeen = await noteWhatIsMissing({ book, live, connection }, namespace, ended.signal, note)
    const guard = await GuardStatus.open(
      { ...flags, ...askingOf(surroundings), namespace },
      connection,
      ended.signal,
      (why) => note(`The number of waiting requests is not shown: ${why}`),
    )
    opened.push(guard)
    const watchingSince = flags.watch ? systemClock.monotonic() : undefined
    const observed = () =>
      observe({
        map: live.map,
        entries: book.entries,
        guard: guard.replicas,
        now: systemClock.monotonic(),
        timeOfDay: systemClock.now(),
        watchingSince,
        only,
        onlyAffected: flags.onlyAffected,
      })
    const look = { colours: coloursFor(stdout, env), server: connection.server, headers: flags.headers }
    if (flags.watch) {
      const display = await openDisplay(flags, look, surroundings, {
        notes,
        quit: () => ended.abort(new Error('Watching has ended.')),
      })
      opened.push(display)
      await watchStatus({ look: observed, live, book, guard, display }, ended.signal)
      return
    }
    const status = observed()
    if (status.lostAfter.from === 'default' && someWaitToBeLost(live.map)) note(assumedLostAfter(status))
    stdout.write(statusText(status, flags, { ...look, width: widthOf(stdout) }))
    if (somethingIsWrong(status)) exitWith(exitCode.failed)
    else if (
      live.unreadable.length > 0 ||
      !followsLonghorn ||
      doubt !== undefined ||
      (flags.namespace !== undefined && !isSeen)
    )
      exitWith(exitCode.couldNotRun)
  } catch (error) {
    if (!ended.signal.aborted) throw error
  } finally {
    await Promise.all(opened.map((each) => each.stop()))
    connection.close()
  }
}

function assumedLostAfter({ lostAfter: { ms } }: Status): string {
  return `The guard's replicas do not say when a node that is down counts as lost, so the default lostAfter of ${lasting(ms)} is assumed.`
}

/**
 * Reports on standard error the missing parts of the status, and why.
 *
 * @returns false if the guard's namespace does not exist, or the API server does not say
 */
async function noteWhatIsMissing(
  { book, live, connection }: Sources,
  namespace: string,
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<boolean> {
  for (const { kind, name, problem } of live.unreadable) {
    note(`${kind} ${name} cannot be read (${problem}), so the status may lack it.`)
  }
  for (const problem of book.unreadable) note(problem)
  if (book.problem) {
    note(`Reservations are not shown, since they cannot be read: ${book.problem.message}`)
  } else if (book.entries?.length === 0) {
    // The list of Leases is also empty for a missing namespace.
    const problem = await problemOfNamespace(connection, namespace, signal)
    if (problem === undefined) return true
    note(
      `${problem}, so no reservations are shown: if the guard runs in another one, name it with --namespace.`,
    )
    return false
  }
  return true
}

/** @returns undefined if the namespace exists; else that it does not, or why that is unknown */
async function problemOfNamespace(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(name)}`
  try {
    await jsonRequest(connection, { method: 'GET', path, signal })
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ApiFailure && error.code === 404) return `There is no namespace ${name}`
    const why = error instanceof Error ? error.message : String(error)
    return `Namespace ${name} may not exist (${why})`
  }
}
