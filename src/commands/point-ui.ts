import { Command, Option } from 'commander'
import { ApiFailure } from '../kubernetes/api-failure.ts'
import { ConnectionFailure } from '../kubernetes/connection-failure.ts'
import { MalformedAnswer } from '../kubernetes/json-request.ts'
import { pointUi } from '../kubernetes/longhorn-ui.ts'
import { defaultPolicy } from '../rules/policy.ts'
import { connectWith, namespaceName } from './cluster-options.ts'
import { CannotRun } from './exit-code.ts'
import { duration } from './proxy-options.ts'
import { url } from './url.ts'
import type { CommandSurroundings } from './surroundings.ts'
import { untilAnswering } from './until-answering.ts'
import { VariableOption } from './variable-option.ts'

interface PointUiFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly longhornNamespace: string
  readonly deployment: string
  /** Milliseconds. */
  readonly wait: number
  readonly ifThere: boolean
  readonly from?: URL
}

/** `holdfast proxy point-ui`: Longhorn's UI asks a proxy from now on, or Longhorn itself again. */
export function pointUiCommand(surroundings: CommandSurroundings): Command {
  return new Command('point-ui')
    .description('Points Longhorn’s UI at a proxy, or back at Longhorn. Its pods are replaced, one by one.')
    .argument('<url>', 'what the UI asks from now on', url)
    .addOption(new VariableOption('--kubeconfig <file>', 'kubeconfig of the cluster', 'HOLDFAST_KUBECONFIG'))
    .addOption(new VariableOption('--context <name>', 'context of the kubeconfig', 'HOLDFAST_CONTEXT'))
    .addOption(
      new VariableOption(
        '--longhorn-namespace <name>',
        'namespace that Longhorn runs in',
        'HOLDFAST_LONGHORN_NAMESPACE',
      )
        .argParser(namespaceName)
        .default(defaultPolicy.longhornNamespace),
    )
    .option('--deployment <name>', 'the Deployment of the UI', 'longhorn-ui')
    .addOption(
      new Option(
        '--wait <duration>',
        'how long to wait until Longhorn’s REST API answers at that address; without it, who answers there is not looked at',
      )
        .argParser(duration)
        .default(0, 'not at all'),
    )
    .option(
      '--if-there',
      'a UI that is not there, or that may not be changed, is no failure: for an uninstall',
      false,
    )
    .option('--from <url>', 'only if the UI asks this one now: what another has pointed elsewhere stays', url)
    .addHelpText(
      'after',
      `
An upgrade of Longhorn's chart points it back: do it again after that.

Examples:
  $ holdfast proxy point-ui http://holdfast-longhorn.holdfast:9500 --wait 2m
  $ holdfast proxy point-ui http://longhorn-backend:9500`,
    )
    .action((target: URL, flags: PointUiFlags) => point(target, flags, surroundings))
}

/** What a person can do something about. */
const known = [ApiFailure, ConnectionFailure, MalformedAnswer]

async function point(
  target: URL,
  { longhornNamespace: namespace, deployment, wait, ifThere, from, ...cluster }: PointUiFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stdout } = surroundings
  const unanswered = wait > 0 ? await untilAnswering(target, wait) : undefined
  if (unanswered !== undefined) {
    throw new CannotRun(
      `Longhorn’s UI still asks whom it asked: ${target.origin} does not answer for Longhorn (${unanswered})`,
    )
  }
  const connection = await connectWith(cluster, surroundings)
  try {
    const { asks, changed } = await pointUi(connection, { namespace, deployment }, target, from)
    const isOther = from !== undefined && asks !== target.origin
    const when = isOther ? `, not ${from.origin}, and stays so` : changed ? ' from now on' : ' already'
    stdout.write(`Longhorn’s UI (Deployment ${deployment} of ${namespace}) asks ${asks}${when}.\n`)
  } catch (cause) {
    if (!known.some((each) => cause instanceof each)) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    if (ifThere && cause instanceof ApiFailure && (cause.code === 404 || cause.code === 403)) {
      stdout.write(`There is no UI of Longhorn to point anywhere: ${why}\n`)
      return
    }
    throw new CannotRun(`Longhorn’s UI still asks whom it asked: ${why}`, { cause })
  } finally {
    connection.close()
  }
}
