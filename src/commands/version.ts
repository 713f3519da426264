import { arch, platform, version as nodeVersion } from 'node:process'
import { Command } from 'commander'
import { findLonghorn, noLonghornIn } from '../disk-map/disk-map-view.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { ApiFailure } from '../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../kubernetes/client/json-request.ts'
import { isAssumed, profileOf } from '../longhorn/releases.ts'
import { parseSetting, settingNames } from '../longhorn/setting.ts'
import { version as clientVersion } from '../server/version.ts'
import { plainLine } from '../text/plain-text.ts'
import { inWords } from '../text/system-error.ts'
import { wrapped } from '../text/wrap.ts'
import { type LonghornRelease, longhornText } from './longhorn-text.ts'
import { lookForGuard } from './guard/guard-place.ts'
import { GuardStatus } from './guard/reach-replicas.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  askingOf,
  type ClusterFlags,
  connectWith,
} from './options/cluster-options.ts'
import { addReplicaOptions, type ReplicaFlags } from './options/replica-options.ts'
import { isStructured, type OutputFormat, outputOption, printed } from './output/output-format.ts'
import { type CommandSurroundings, exitCode } from './surroundings.ts'
import { widthOf } from './terminal.ts'

/** What the person asks for. */
interface VersionFlags extends ClusterFlags, ReplicaFlags {
  readonly client: boolean
  readonly output?: OutputFormat<'text'>
}

/** The output of `holdfast version -o json`. */
export interface Versions {
  readonly apiVersion: 'holdfast.dev/v1'
  readonly kind: 'Version'
  readonly client: { readonly version: string; readonly node: string; readonly platform: string }
  /** Its replicas; null if they cannot be asked, or are not to be. */
  readonly guard: readonly { readonly replica: string; readonly version: string }[] | null
  /** Null if it cannot be read, or is not to be. */
  readonly longhorn: LonghornRelease | null
}

/** `holdfast version`: that of the client, of the guard's replicas, and of Longhorn. */
export function versionCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('version')
    .description('Shows the versions of this client, of the guard’s replicas, and of Longhorn.')
    .option('--client', 'only that of this client; no cluster is asked', false)
    .addOption(outputOption(['text'], 'text', { hasNames: false }))
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command)))
    .addHelpText(
      'after',
      `
The replicas are asked through port-forwards, as by holdfast status.

Exit code: 0 if all is known that was asked for, 2 if not; what is known is shown all the same.

Examples:
  $ holdfast version
  $ holdfast version --client
  $ holdfast version -o json`,
    )
    .action((flags: VersionFlags) => showVersions(flags, surroundings))
}

async function showVersions(flags: VersionFlags, surroundings: CommandSurroundings): Promise<void> {
  const { stdout, stderr, exitWith } = surroundings
  const client = { version: clientVersion(), node: nodeVersion, platform: `${platform}/${arch}` }
  const problem = (text: string): void => {
    exitWith(exitCode.couldNotRun)
    stderr.write(`holdfast: ${text}\n`)
  }
  const others = flags.client ? nothing : await ask(flags, surroundings, problem)
  const document: Versions = { apiVersion: 'holdfast.dev/v1', kind: 'Version', client, ...others }
  const { output } = flags
  stdout.write(
    output !== undefined && isStructured(output)
      ? printed(output, { document, items: [document] })
      : wrapped(textOf(document, flags.client), widthOf(stdout)),
  )
}

const nothing: Pick<Versions, 'guard' | 'longhorn'> = { guard: null, longhorn: null }

/** @param problem told of all that is not known, and why */
async function ask(
  flags: VersionFlags,
  surroundings: CommandSurroundings,
  problem: (text: string) => void,
): Promise<Pick<Versions, 'guard' | 'longhorn'>> {
  let connection: Connection | undefined
  try {
    connection = await connectWith(flags, surroundings)
    const { signal } = new AbortController()
    const longhorn = await longhornOf(connection, flags.longhornNamespace, { signal, problem })
    return { longhorn, guard: await guardOf(connection, flags, surroundings, { signal, problem }) }
  } catch (error) {
    problem(inWords(error))
    return nothing
  } finally {
    connection?.close()
  }
}

interface Telling {
  readonly signal: AbortSignal
  /** Told of what is not known, and why. */
  readonly problem: (text: string) => void
}

/** @throws ConnectionFailure */
async function longhornOf(
  connection: Connection,
  namespace: string,
  { signal, problem }: Telling,
): Promise<Versions['longhorn']> {
  const name = settingNames.currentVersion
  const place = `/apis/longhorn.io/v1beta2/namespaces/${encodeURIComponent(namespace)}/settings/${name}`
  try {
    const setting = parseSetting(await jsonRequest(connection, { method: 'GET', path: place, signal }))
    if (!setting.ok) throw new MalformedAnswer(`setting ${name} cannot be read: ${setting.problem}`)
    const release = setting.value.value === '' ? undefined : setting.value.value
    return { release: release ?? null, profile: profileOf(release), assumed: isAssumed(release) }
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
    problem(
      error.code === 404
        ? `${noLonghornIn(namespace)} ${findLonghorn}`
        : `The release of Longhorn is not known: ${error.message}`,
    )
    return null
  }
}

async function guardOf(
  connection: Connection,
  flags: VersionFlags,
  surroundings: CommandSurroundings,
  { signal, problem }: Telling,
): Promise<Versions['guard']> {
  const { namespace } = await lookForGuard(connection, flags, { signal, note: problem })
  const search = { ...flags, ...askingOf(surroundings), namespace }
  const guard = await GuardStatus.open(search, connection, signal, (why) =>
    problem(`The version of the guard is not known: ${why}`),
  )
  await guard.stop()
  return guard.replicas?.map(({ replica, version }) => ({ replica, version })) ?? null
}

/** @param isAlone true if nothing else was asked for */
function textOf({ client, guard, longhorn }: Versions, isAlone: boolean): string {
  const lines = [`Client:   ${client.version}`]
  if (!isAlone)
    lines.push(...guardLines(guard), `Longhorn: ${longhorn === null ? 'unknown' : longhornText(longhorn)}`)
  return lines.map((line) => `${plainLine(line)}\n`).join('')
}

function guardLines(guard: Versions['guard']): string[] {
  if (guard === null) return ['Guard:    unknown']
  return guard.map(
    ({ replica, version }, at) => `${at === 0 ? 'Guard:    ' : '          '}${version} (${replica})`,
  )
}
