import { isSameText } from '../../longhorn/releases.ts'
import { plainLine } from '../../text/plain-text.ts'
import { wrapped } from '../../text/wrap.ts'
import { longhornText } from '../longhorn-text.ts'
import type { GuardReplica, RulesMode, Status } from './status.ts'

/** What a person has to know of a status before its tables: one fact a line. */
export function heading(
  status: Status,
  { server, width }: { readonly server: string; readonly width: number | undefined },
): string {
  const lines = [
    `Cluster:  ${plainLine(server)}, seen at ${status.observedAt.replace(/\.\d+Z$/, 'Z')}`,
    ...longhornLines(status.longhorn),
    `Guard:    ${guardText(status.guard)}`,
  ]
  return lines.map((line) => `${wrapped(line, width)}\n`).join('')
}

/** With the release that the guard judges by, where it is another one than that which runs. */
function longhornLines({ release, configured, ...judged }: Status['longhorn']): string[] {
  if (configured === null || (release !== null && isSameText(configured, release)))
    return [`Longhorn: ${longhornText({ release, ...judged })}`]
  return [
    `Longhorn: ${plainLine(release ?? 'unknown')}, but the guard is configured for another release (longhornRelease):`,
    `          ${longhornText({ release: configured, ...judged })}`,
  ]
}

function guardText(guard: Status['guard']): string {
  if (guard === null) return 'unknown: no replica was asked'
  const count = guard.length === 1 ? '1 replica' : `${guard.length} replicas`
  const unread = guard.filter(({ synced }) => !synced).map(({ replica }) => plainLine(replica))
  return [
    count,
    modeText(guard),
    ...(new Set(guard.map(({ release }) => release)).size > 1
      ? ['configured for different releases of Longhorn']
      : []),
    ...(unread.length > 0 ? [`${unread.join(', ')} has not read all of Longhorn yet`] : []),
  ].join(', ')
}

function modeText(guard: readonly Pick<GuardReplica, 'mode'>[]): string {
  const [first = null, ...others] = new Set(guard.map(({ mode }) => mode))
  return others.length > 0 ? 'in different modes' : modeWords[first ?? 'unknown']
}

const modeWords: Readonly<Record<RulesMode | 'unknown', string>> = {
  enforce: 'mode enforce',
  warn: 'mode warn: it stops no request',
  off: 'mode off: it judges no request',
  mixed: 'rules in several modes',
  unknown: 'mode unknown',
}

/** True if the replicas differ in what the heading tells of all of them. */
export function replicasDiffer(guard: NonNullable<Status['guard']>): boolean {
  const kinds = new Set(
    guard.map(({ version, synced, mode, release }) => JSON.stringify([version, synced, mode, release])),
  )
  return kinds.size > 1 || guard.some(({ synced }) => !synced)
}
