import type { Audit, EventSink } from '../gate/ports.ts'
import type { Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import { findingsOf } from './findings-of.ts'

/** The longest message that the API server takes, in UTF-16 units. */
const longestMessage = 1_024

/** A name that is longer leaves no room for what was found, in UTF-16 units. */
const longestUser = 256

/**
 * Tells at the object what was held, refused or warned about, for whoever comes to look why nothing happens there.
 * What passes in the end tells itself. A dry run is its author's own business.
 */
export class DecisionEvents implements Audit {
  readonly #sink: EventSink
  readonly #uidOfNode: (name: string) => string | undefined

  /** @param uidOfNode of a Longhorn node; undefined if there is none */
  constructor(sink: EventSink, uidOfNode: (name: string) => string | undefined) {
    this.#sink = sink
    this.#uidOfNode = uidOfNode
  }

  decided(change: Change, verdict: Verdict): void {
    if (change.request.dryRun) return
    const { name, uid } = (change.after ?? change.before).metadata
    for (const finding of findingsOf(verdict)) {
      const reason = reasonOf(finding)
      const asker = cut(change.request.actor.username, longestUser)
      const said = plainLine(
        `${outcomes[finding.effect]} (asked by ${asker}): ${finding.message}. What clears it: ${finding.clears}`,
      )
      const message = cut(said, longestMessage)
      this.#sink.record({ kind: change.kind, name, uid, reason, message })
      if (finding.rule === 'cleanup-during-eviction') this.#tellNodes(finding, reason, message)
    }
  }

  /** The end of an eviction that is held back is looked for at the node (design: rules, o4). */
  #tellNodes({ subjects }: Finding, reason: string, message: string): void {
    for (const name of new Set(subjects.flatMap(({ node }) => node ?? []))) {
      const uid = this.#uidOfNode(name)
      if (uid !== undefined) this.#sink.record({ kind: 'Node', name, uid, reason, message })
    }
  }
}

const outcomes = { refuse: 'Refused', hold: 'Held back', warn: 'Warned' } as const

/** `eviction-during-cleanup` → `EvictionDuringCleanup`. */
function reasonOf({ rule }: Finding): string {
  return rule.replaceAll(/(^|-)([a-z])/g, (_, _hyphen, letter: string) => letter.toUpperCase())
}
