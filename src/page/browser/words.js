/** @import { AuditRecord } from '../../observability/audit-record.ts' */
/** @import { CopyView, NodeView } from '../state-schema.ts' */

/**
 * A length of time as people say it: `43s`, `2m 5s`, `3h 20m`.
 *
 * @param {number} ms
 */
export function lasting(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m ${seconds % 60}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`
  return `${Math.floor(hours / 24)}d`
}

/** The sign of each look of a copy, besides its colour. */
export const signs = /** @type {const} */ ({
  ready: '●',
  copying: '◐',
  'cleaning up': '◌',
  failed: '✕',
  unknown: '?',
})

/**
 * A copy in words, for people who do not see signs.
 *
 * @param {CopyView} copy
 * @param {number} now
 */
export function copyWords({ image, look, state, progress, since, replicas, last }, now) {
  const words = {
    ready: 'ready',
    copying: progress === null ? 'being copied' : `being copied, ${progress} percent`,
    'cleaning up':
      since === null ? 'being cleaned up' : `being cleaned up for at least ${lasting(now - since)}`,
    failed: 'failed',
    unknown: state === '' ? 'unknown' : `in state ${state}`,
  }
  const used = replicas === 0 ? '' : `, used by ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`
  return `${image}: ${words[look]}${used}${last ? ', the last usable copy' : ''}`
}

/**
 * The flags that are up, in words.
 *
 * @param {Pick<NodeView, 'evictionRequested' | 'disks'>} node
 */
export function flagWords({ evictionRequested, disks }) {
  if (evictionRequested) return 'node is evicted'
  const flagged = disks.filter((disk) => disk.evictionRequested)
  if (flagged.length === 0) return ''
  return flagged.length === 1 ? `${flagged[0]?.name} is evicted` : `${flagged.length} disks are evicted`
}

/**
 * Says whether Longhorn may put something on the node.
 *
 * @param {Pick<NodeView, 'scheduling' | 'disks'>} node
 */
export function schedulingWords({ scheduling, disks }) {
  if (!scheduling) return 'closed'
  const closed = disks.filter((disk) => !disk.scheduling).length
  if (closed === 0) return 'open'
  return closed === disks.length ? 'all disks closed' : `${closed} of ${disks.length} disks closed`
}

/** The word and the sign of each verdict. */
export const verdicts = /** @type {const} */ ({
  allow: { word: 'allowed', sign: '✓' },
  hold: { word: 'held back', sign: '◔' },
  refuse: { word: 'denied', sign: '✕' },
  unavailable: { word: 'not judged', sign: '!' },
})

/**
 * The subject of a record, in one line: the change in words if the record has them.
 *
 * @param {AuditRecord & { readonly change?: string }} record
 */
export function recordWords({ findings, operation, object, waitedMs, verdict, change }) {
  const [first] = findings
  const waited = verdict === 'allow' && waitedMs >= 1_000 ? `, after a wait of ${lasting(waitedMs)}` : ''
  if (first) return `${first.message.split('. ')[0]}${waited}`
  return `${change ?? `${operation} of ${object.kind} ${object.name}`}${waited}`
}

/**
 * A moment as the person's own clock shows it, with the date if it is not today.
 *
 * @param {string} time in RFC 3339
 */
export function timeWords(time) {
  const moment = new Date(time)
  return moment.toDateString() === new Date().toDateString()
    ? moment.toLocaleTimeString()
    : moment.toLocaleString()
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [several]
 */
export function counted(count, one, several = `${one}s`) {
  return `${count} ${count === 1 ? one : several}`
}
