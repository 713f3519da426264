import { type Command, InvalidArgumentError, Option } from 'commander'
import { replicaOrigin } from './variable-option.ts'

/** Which replicas of the guard are asked. */
export interface ReplicaFlags {
  /** Their port for people's commands, in a pod that does not name it. */
  readonly operatorPort: number
  /** These replicas, instead of those that run in the cluster. */
  readonly address?: readonly URL[]
}

/** Adds the options of a command that asks the guard's replicas. */
export function addReplicaOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--address <url>',
        'ask this replica instead of those in the cluster, e.g. http://127.0.0.1:8081; may be given several times',
      ).argParser((text, before: readonly URL[] | undefined) => [...(before ?? []), replicaOrigin(text)]),
    )
    .addOption(
      new Option('--operator-port <port>', 'port of the guard’s replicas that is asked, in the pod')
        .argParser(wholePort)
        .default(8081),
    )
}

function wholePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('It must be a port, 1 to 65535.')
  return port
}
