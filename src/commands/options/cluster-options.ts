import { type Command, InvalidArgumentError, type Option } from 'commander'
import type { Logger } from 'pino'
import type { Configuration } from '../../configuration/configuration.ts'
import { connect, type Connection } from '../../kubernetes/client/connection.ts'
import type { ConfigSearch } from '../../kubernetes/client/find-config.ts'
import type { FeedProblem } from '../../kubernetes/feed-problem.ts'
import { LiveMap } from '../../kubernetes/live-map.ts'
import { namesRelease, releaseExamples } from '../../longhorn/releases.ts'
import { defaultPolicy } from '../../rules/policy.ts'
import { type NoticeTimes, rememberMs } from '../../rules/disks-at-risk.ts'
import { agreeOnNamespace, NoCommonNamespace } from '../../server/guard-namespace.ts'
import { CannotRun, type Surroundings } from '../surroundings.ts'
import { ImpersonationOption, repeatable, VariableOption } from './variable-option.ts'

/** The cluster of an operator's command. */
export interface ClusterFlags {
  readonly kubeconfig?: string
  readonly context?: string
  /** The identity to impersonate, instead of that of the kubeconfig. */
  readonly as?: string
  readonly asUid?: string
  readonly asGroup?: readonly string[]
  /** The guard's namespace; undefined to take that of its Leases. */
  readonly namespace?: string
  /** Longhorn's namespace. */
  readonly longhornNamespace: string
}

/** Adds the options that select a cluster; they have the same names as those of `holdfast serve`. */
export function addClusterOptions(command: Command): Command {
  return command
    .addOption(
      new VariableOption(
        '--kubeconfig <file>',
        'kubeconfig of the cluster (default: $KUBECONFIG, else ~/.kube/config)',
        'HOLDFAST_KUBECONFIG',
      ),
    )
    .addOption(
      new VariableOption(
        '--context <name>',
        'context of the kubeconfig (default: its current context)',
        'HOLDFAST_CONTEXT',
      ),
    )
    .addOption(
      new VariableOption(
        '-n, --namespace <name>',
        'namespace that the guard runs in (default: where its Leases are, else holdfast)',
        'HOLDFAST_NAMESPACE',
      ).argParser(namespaceName),
    )
    .addOption(longhornNamespaceOption())
}

/** Longhorn's namespace. */
export function longhornNamespaceOption(): Option {
  return new VariableOption(
    '--longhorn-namespace <name>',
    'namespace that Longhorn runs in',
    'HOLDFAST_LONGHORN_NAMESPACE',
  )
    .argParser(namespaceName)
    .default(defaultPolicy.longhornNamespace)
}

/** An empty one would mean another request: all namespaces. @throws InvalidArgumentError */
function namespaceName(text: string): string {
  if (/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text
  throw new InvalidArgumentError('It must be the name of a namespace.')
}

/** Adds the options for impersonation; they have the same names as those of kubectl. */
export function addImpersonationOptions(command: Command): Command {
  return command
    .addOption(new ImpersonationOption('--as <user>', 'user to act as, if you may impersonate'))
    .addOption(
      new ImpersonationOption(
        '--as-group <group>',
        'group to act as a member of; may be given several times',
      ).argParser(repeatable),
    )
    .addOption(new ImpersonationOption('--as-uid <uid>', 'uid to act as'))
}

/** Flags that select the cluster and the identity. */
export type SearchFlags = Pick<ClusterFlags, 'kubeconfig' | 'context' | 'as' | 'asUid' | 'asGroup'>

/** The same flags without those for the identity, for a command whose own flags have these names. */
export function asOneself({ kubeconfig, context, longhornNamespace }: ClusterFlags): ClusterFlags {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    longhornNamespace,
  }
}

/** The parts of its surroundings with which a command finds the cluster and asks it. */
export type Asking = Pick<Surroundings, 'env' | 'isInteractive' | 'clock'>

/** These parts of a command's surroundings. */
export function askingOf({ env, isInteractive, clock }: Asking): Asking {
  return { env, isInteractive, ...(clock && { clock }) }
}

/** Where to look for the cluster that the flags select. */
export function searchOf(flags: SearchFlags, { env: environment, isInteractive }: Asking): ConfigSearch {
  const { kubeconfig, context, as: user, asUid: uid, asGroup: groups } = flags
  return {
    environment,
    isInteractive,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    impersonate: { user, uid, groups },
  }
}

/** Reads a port to listen on; 0 is any that is free. @throws InvalidArgumentError */
export function anyPort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port, 0 to 65535.')
}

/**
 * Reads the name of a release. Another text would silently count as the most dangerous release. @throws
 * InvalidArgumentError
 */
export function releaseName(text: string): string {
  if (namesRelease(text)) return text
  throw new InvalidArgumentError(`It must be ${releaseExamples}.`)
}

/** Connects with the person's own rights. @throws CannotRun */
export async function connectWith(flags: SearchFlags, asking: Asking): Promise<Connection> {
  const { clock } = asking
  try {
    return await connect({ ...searchOf(flags, asking), ...(clock && { clock }) })
  } catch (cause) {
    throw new CannotRun(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * Reads Longhorn's objects and follows them.
 *
 * @param about `settle`: how long ended changes have to be remembered; absent for the default
 * @param onProblem called for later problems
 * @throws CannotRun if some cannot be read, or the signal's reason
 */
export async function openMap(
  connection: Connection,
  about: Pick<ClusterFlags, 'longhornNamespace'> & { readonly settle?: NoticeTimes | undefined },
  signal: AbortSignal,
  onProblem?: (problem: FeedProblem) => void,
): Promise<LiveMap> {
  try {
    const { longhornNamespace, settle = defaultPolicy } = about
    return await LiveMap.open(connection, longhornNamespace, signal, {
      rememberMs: rememberMs(settle),
      ...(onProblem && { onProblem }),
    })
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new CannotRun(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * The configuration of a door, with the namespace in which all doors of the cluster keep their Leases.
 *
 * @param connection closed if the door does not start
 * @returns undefined if a signal ended it meanwhile
 * @throws CannotRun if this door would keep its Leases elsewhere
 */
export async function withCommonNamespace(
  configuration: Configuration,
  connection: Connection,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<Configuration | undefined> {
  try {
    const { namespace, doubt } = await agreeOnNamespace(configuration, connection, signal)
    if (doubt !== undefined) {
      const fields = { namespace, why: doubt }
      log.warn(
        fields,
        'the namespace of the Leases of other guards is unknown; this one keeps the configured namespace',
      )
    }
    return { ...configuration, namespace }
  } catch (error) {
    connection.close()
    if (signal.aborted) return undefined
    if (error instanceof NoCommonNamespace) throw new CannotRun(error.message, { cause: error })
    throw error
  }
}
