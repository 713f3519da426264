import type { PendingOnNode } from '../disk-map/disk-map-view.ts'
import type { Node } from '../longhorn/node.ts'
import type { Flags } from '../longhorn/rescue-note.ts'
import { cleanupInWords } from '../rules/rescue/cleanups.ts'
import { flagsInWords, isNone } from '../rules/rescue/flags.ts'
import type { RescueNews } from '../rules/rescue/guard-step.ts'
import {
  type AuditRecord,
  type RecordCircumstances,
  copiedSubject,
  envelope,
  names,
  recordedSubjects,
  text,
} from './audit-record.ts'

/** What the guard itself has done to the flags of a node. */
export interface RescueDone {
  readonly node: Node
  readonly news: RescueNews
  readonly message: string
  /** The user that the API server takes the guard for. */
  readonly user: string
}

/** The record of it, which no request has asked for. */
export function recordOfRescue(
  { node: { metadata }, news, message, user }: RescueDone,
  circumstances: RecordCircumstances,
): AuditRecord {
  const request = {
    uid: `rescue-${metadata.uid}-${metadata.resourceVersion}`,
    actor: { username: user, groups: [] },
    dryRun: news.what === 'would-clear',
    door: 'rescue',
  } as const
  const flags = news.what === 'struck' ? news.left : news.flags
  const cleanups = 'cleanups' in news ? news.cleanups : []
  const subjects = cleanups
    .slice(0, recordedSubjects)
    .map(({ disk, diskUUID, image }) => copiedSubject({ node: metadata.name, disk, diskUUID, image }))
  return {
    ...envelope(request, { kind: 'Node', name: metadata.name }, 'UPDATE', circumstances),
    verdict: 'allow',
    findings:
      subjects.length > 0
        ? [{ rule: 'eviction-during-cleanup', effect: 'warn', subjects, message: text(message), clears: '' }]
        : [],
    rescue: { step: news.what, node: flags.node, disks: names(flags.disks), message: text(message) },
    waitedMs: 0,
    decisionMs: 0,
    count: 1,
  }
}

/** What is told of a rescue, in words. */
interface RescueText {
  /** The reason of an Event, in one word. */
  readonly reason: string
  /** `Normal` for what calls for nothing. */
  readonly type: 'Warning' | 'Normal'
  readonly message: string
}

/**
 * What the guard has done to the flags of a node, or would do, as people are told it.
 *
 * @param now milliseconds by the monotonic clock
 */
export function rescueText({ metadata: { name } }: Node, news: RescueNews, now: number): RescueText {
  switch (news.what) {
    case 'cleared': {
      const next = news.again
        ? `Holdfast raises ${them(news.flags)} again once that is safe. Until then annotation holdfast.dev/rescue notes ${them(news.flags)}.`
        : `${capital(they(news.flags))} ${stay(news.flags)} noted in annotation holdfast.dev/rescue. To raise ${them(news.flags)} again: holdfast rescue ${name}`
      return {
        reason: 'FlagsCleared',
        type: 'Warning',
        message: `Holdfast took ${flagsInWords(news.flags)} down: ${met(news.cleanups, now)}, which crashes the longhorn-manager. ${next}`,
      }
    }
    case 'would-clear':
      return {
        reason: 'FlagsWouldBeCleared',
        type: 'Warning',
        message: `Holdfast would take ${flagsInWords(news.flags)} down: ${met(news.cleanups, now)}, which crashes the longhorn-manager. It does not, since it only warns. To do it: holdfast rescue ${name}`,
      }
    case 'raised':
      return {
        reason: 'FlagsRaised',
        type: 'Normal',
        message: `Holdfast raised ${flagsInWords(news.flags)} again, since no clean-up is pending that ${they(news.flags)} would meet. To finish the eviction: holdfast evict ${name}`,
      }
    case 'struck':
      return {
        reason: 'FlagsStruck',
        type: 'Normal',
        message: isNone(news.left)
          ? 'Holdfast raises no flag again: somebody has raised those that it had taken down, or has taken their disks away'
          : `Holdfast raises only ${flagsInWords(news.left)} again: somebody has raised the others, or has taken their disks away`,
      }
    case 'handed-over':
      return {
        reason: 'FlagsStayDown',
        type: 'Warning',
        message: `${capital(flagsInWords(news.flags))} ${stay(news.flags)} down and noted: ${whyHandedOver[news.why]}. To raise ${them(news.flags)} again: holdfast rescue ${name}. To forget ${them(news.flags)}: holdfast rescue ${name} --leave-cleared`,
      }
    case 'not-raised':
      return {
        reason: 'FlagsStayDown',
        type: 'Warning',
        message: `${capital(flagsInWords(news.flags))} ${stay(news.flags)} down and noted for now, and Holdfast tries again later: ${news.why}`,
      }
  }
}

const whyHandedOver = {
  changed: 'somebody has changed the node since, and may not want what was requested before',
  'too-often':
    'Holdfast has raised flags of this node three times within an hour, and each time a clean-up met them',
} as const

function met(cleanups: readonly PendingOnNode[], now: number): string {
  const first = cleanups.slice(0, 3).map((cleanup) => cleanupInWords(cleanup, now))
  const more = cleanups.length > 3 ? ` and ${cleanups.length - 3} more` : ''
  return `Longhorn removes ${first.join(', ')}${more}`
}

function isOne({ node, disks }: Flags): boolean {
  return disks.length + Number(node) === 1
}

function them(flags: Flags): string {
  return isOne(flags) ? 'it' : 'them'
}

function they(flags: Flags): string {
  return isOne(flags) ? 'it' : 'they'
}

function stay(flags: Flags): string {
  return isOne(flags) ? 'stays' : 'stay'
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
