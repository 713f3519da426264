import { Command, Option } from 'commander'
import { ApiFailure } from '../kubernetes/api-failure.ts'
import { ConnectionFailure } from '../kubernetes/connection-failure.ts'
import { MalformedAnswer } from '../kubernetes/json-request.ts'
import { pointUi } from '../kubernetes/longhorn-ui.ts'
import { defaultPolicy } from '../rules/policy.ts'
import { connectWith } from './cluster-options.ts'
import { CannotRun } from './exit-code.ts'
import { url } from './proxy-options.ts'

interface PointUiFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly longhornNamespace: string
  readonly deployment: string
}

/** `holdfast proxy point-ui`: Longhorn's UI asks a proxy from now on, or Longhorn itself again. */
export function pointUiCommand(): Command {
  return new Command('point-ui')
    .description('Points Longhorn’s UI at a proxy, or back at Longhorn. Its pods are replaced, one by one.')
    .argument('<url>', 'what the UI asks from now on', url)
    .addOption(new Option('--kubeconfig <file>', 'kubeconfig of the cluster').env('HOLDFAST_KUBECONFIG'))
    .addOption(new Option('--context <name>', 'context of the kubeconfig').env('HOLDFAST_CONTEXT'))
    .addOption(
      new Option('--longhorn-namespace <name>', 'namespace that Longhorn runs in')
        .default(defaultPolicy.longhornNamespace)
        .env('HOLDFAST_LONGHORN_NAMESPACE'),
    )
    .option('--deployment <name>', 'the Deployment of the UI', 'longhorn-ui')
    .addHelpText(
      'after',
      `
An upgrade of Longhorn's chart points it back: do it again after that.

Examples:
  $ holdfast proxy point-ui http://holdfast-longhorn.holdfast:9500
  $ holdfast proxy point-ui http://longhorn-backend:9500`,
    )
    .action(point)
}

/** What a person can do something about. */
const known = [ApiFailure, ConnectionFailure, MalformedAnswer]

async function point(
  target: URL,
  { longhornNamespace: namespace, deployment, ...cluster }: PointUiFlags,
): Promise<void> {
  const connection = await connectWith(cluster)
  try {
    const changed = await pointUi(connection, { namespace, deployment }, target)
    const asks = `Longhorn’s UI (Deployment ${deployment} of ${namespace}) asks ${target.origin}`
    process.stdout.write(changed ? `${asks} from now on.\n` : `${asks} already.\n`)
  } catch (cause) {
    if (!known.some((each) => cause instanceof each)) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CannotRun(`Longhorn’s UI still asks whom it asked: ${why}`, { cause })
  } finally {
    connection.close()
  }
}
