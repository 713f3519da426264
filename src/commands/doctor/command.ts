import { Command, Option } from 'commander'
import { askReplicas, policiesOf } from '../guard/ask-replicas.ts'
import { guardNames, guardPlace } from '../guard/guard-place.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  askingOf,
  type ClusterFlags,
  connectWith,
  releaseName,
} from '../options/cluster-options.ts'
import { addReplicaOptions, type ReplicaFlags } from '../options/replica-options.ts'
import { VariableOption } from '../options/variable-option.ts'
import { type CommandSurroundings, exitCode } from '../surroundings.ts'
import { coloursFor, data, widthOf } from '../terminal.ts'
import { ClusterReader } from './cluster-reader.ts'
import { diagnose, type Diagnosis, text } from './diagnosis.ts'
import { gatherFacts, withoutGuesses } from './gather.ts'

interface DoctorFlags extends ClusterFlags, ReplicaFlags {
  readonly output?: 'json' | 'yaml'
  readonly webhookConfiguration?: string
  readonly certificateSecret?: string
  readonly serviceAccount?: string
  readonly target?: string
}

/** The place of this setting in the chart. */
const found = '(default: as the Deployment of the guard says)'

/** `holdfast doctor`: checks Longhorn and the guard. */
export function doctorCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('doctor')
    .description('Checks Longhorn and the guard’s installation, and says how to fix each problem.')
    .option(
      '--target <release>',
      'check whether Longhorn can move to this release now (default: the most dangerous)',
      releaseName,
    )
    .addOption(
      new VariableOption(
        '--webhook-configuration <name>',
        `ValidatingWebhookConfiguration of the guard ${found}`,
        'HOLDFAST_WEBHOOK_CONFIGURATION',
      ),
    )
    .addOption(
      new VariableOption(
        '--certificate-secret <name>',
        `Secret with the serving certificate ${found}`,
        'HOLDFAST_CERTIFICATE_SECRET',
      ),
    )
    .option('--service-account <name>', `service account of the guard ${found}`)
    .addOption(new Option('-o, --output <format>', 'one document for programs').choices(['json', 'yaml']))
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command)))
    .addHelpText(
      'after',
      `
The command reads the cluster. It asks the guard’s replicas for their rules, through port-forwards, and the API server
for the rights of the guard’s service account. It makes one dry run that the guard has to deny: the removal of all copies
of a backing image. It writes nothing. A check that cannot run reports unknown and the reason, and never counts as ok.

Exit code: 0 if all is well, 1 if a check reports warn or error, 2 if a check could not run and no other has a problem.

Examples:
  $ holdfast doctor
  $ holdfast doctor --target v1.8.1
  $ holdfast doctor --namespace storage-guard -o json`,
    )
    .action((flags: DoctorFlags) => examine(flags, surroundings))
}

async function examine(flags: DoctorFlags, surroundings: CommandSurroundings): Promise<void> {
  const { env, stdout, exitWith } = surroundings
  const { target, output, operatorPort, webhookConfiguration, certificateSecret, serviceAccount, ...place } =
    flags
  const connection = await connectWith(flags, surroundings)
  try {
    const signal = new AbortController().signal
    const namespace = await guardPlace(connection, flags, { signal })
    const named = {
      ...(webhookConfiguration === undefined ? {} : { webhookConfiguration }),
      ...(certificateSecret === undefined ? {} : { certificateSecret }),
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    }
    const own = await guardNames(new ClusterReader(connection, signal), namespace, named)
    const search = { ...flags, ...askingOf(surroundings), namespace, operatorPort }
    const ask = async () => policiesOf(await askReplicas(search, connection, signal))
    const names = { ...place, ...own.names, namespace, target }
    const facts = withoutGuesses(await gatherFacts(connection, names, ask, signal), own)
    const diagnosis = diagnose(facts)
    stdout.write(
      output === undefined
        ? text(diagnosis, coloursFor(stdout, env), widthOf(stdout))
        : data(output, diagnosis),
    )
    exitWith(codeOf(diagnosis))
  } finally {
    connection.close()
  }
}

function codeOf({ summary }: Diagnosis): number {
  if (summary.error + summary.warn > 0) return exitCode.failed
  return summary.unknown > 0 ? exitCode.couldNotRun : exitCode.ok
}
