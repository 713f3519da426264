import { Command, Option } from 'commander'
import { CannotListen } from '../../doors/http/listen.ts'
import { LiveReservations } from '../../kubernetes/leases/live-reservations.ts'
import { systemClock } from '../../time/clock.ts'
import { insistOnLonghorn, lookForGuard } from '../guard/guard-place.ts'
import { reachReplicas } from '../guard/reach-replicas.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  anyPort,
  askingOf,
  type ClusterFlags,
  connectWith,
  openMap,
} from '../options/cluster-options.ts'
import { addReplicaOptions, type ReplicaFlags } from '../options/replica-options.ts'
import { flagWords, namespaceFlags } from '../../page/parts.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { FollowedGuard } from './followed-guard.ts'
import { livePage, servePage } from './live-page.ts'
import { openBrowser } from './open-browser.ts'

interface UiFlags extends ClusterFlags, ReplicaFlags {
  readonly port: number
  readonly open: boolean
}

/** `holdfast ui`: the page, with a person's own rights, on the person's own machine. */
export function uiCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('ui')
    .description('Serves a live page on this machine: waiting requests, nodes, disks, copies and decisions.')
    .addOption(
      new Option('--port <port>', 'port on 127.0.0.1 (default: a free one)').argParser(anyPort).default(0),
    )
    .option('--no-open', 'open no browser')
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command)))
    .addHelpText(
      'after',
      `
The page is read-only. It shows what your kubeconfig may read. It asks the guard's replicas through port-forwards, which takes
the rights to list pods and to create pods/portforward in the guard's namespace. Without them it shows all else. Ctrl-C ends it.

The page listens on 127.0.0.1 and asks for no password, as kubectl proxy does. Other users of this machine can open it.

Examples:
  $ holdfast ui
  $ holdfast ui --context lab --port 8090 --no-open`,
    )
    .action((flags: UiFlags) => serveUi(flags, surroundings))
}

/** The flags with which other commands look at the same cluster. */
function sameCluster({ kubeconfig, context, namespace, longhornNamespace }: UiFlags): readonly string[] {
  return [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
    ...namespaceFlags(longhornNamespace),
  ]
}

async function serveUi(flags: UiFlags, surroundings: CommandSurroundings): Promise<void> {
  const { env, stdout, stderr, untilSignal } = surroundings
  const ended = new AbortController()
  const { signal } = ended
  const stopped = untilSignal().then(() => ended.abort(new Error('The page was ended.')))
  const note = (text: string): void => void stderr.write(`holdfast: ${text}\n`)
  const connection = await connectWith(flags, surroundings)
  const opened: (() => Promise<unknown>)[] = []
  try {
    const live = await openMap(connection, flags, signal, ({ message }) => note(message))
    opened.push(() => live.stop())
    insistOnLonghorn(live.map, flags.longhornNamespace)
    const { namespace, doubt } = await lookForGuard(connection, flags, { signal, note })
    if (doubt !== undefined)
      note(`Namespace ${namespace} is a guess, so reservations and decisions may be missing: ${doubt}`)
    const book = await LiveReservations.open(connection, namespace, signal)
    opened.push(() => book.stop())
    const search = { ...flags, ...askingOf(surroundings), namespace }
    const guard = new FollowedGuard(
      async (within, note, isKnown) => await reachReplicas(search, connection, within, note, isKnown),
      systemClock,
    )
    const following = guard.run(signal)
    opened.push(() => following)
    const source = {
      name: flags.context ?? connection.server,
      namespace: flags.longhornNamespace,
      flags: flagWords(sameCluster(flags)),
    }
    const page = await servePage(livePage({ live, source, guard, book, clock: systemClock }), flags.port)
    opened.push(page.close)
    stdout.write(`Holdfast is at ${page.url}  (Ctrl-C ends)\n`)
    if (flags.open && stdout.isTTY === true) openBrowser(page.url, env)
    await stopped
  } catch (error) {
    if (error instanceof CannotListen) throw new CannotRun(error.message, { cause: error })
    if (!signal.aborted) throw error
  } finally {
    ended.abort(new Error('The page was ended.'))
    await Promise.all(opened.map((end) => end()))
    connection.close()
  }
}
