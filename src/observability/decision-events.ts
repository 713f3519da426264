import type { DecisionListener, EventSink, ObjectEvent } from '../gate/ports.ts'
import { findingsOf, type Verdict } from '../gate/verdict.ts'
import type { Change, JudgedKind } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { oneLineOf } from '../rules/layout.ts'
import { cut } from '../text/plain-text.ts'

/** The longest message that the API server takes, in UTF-16 units. */
const longestMessage = 1_024

/** A name that is longer leaves no room for what was found, in UTF-16 units. */
const longestUser = 256

/**
 * Tells at the object what was held, refused or warned about, for whoever comes to look why nothing happens there.
 * What passes in the end tells itself. A dry run is its author's own business.
 */
export class DecisionEvents implements DecisionListener {
  /** Whatever was found is on record. */
  readonly hears = 'what-is-on-record'
  readonly #sink: EventSink
  readonly #uidOf: (kind: JudgedKind, name: string) => string | undefined

  /** @param uidOf an object that is stored; undefined if there is none of this name */
  constructor(sink: EventSink, uidOf: (kind: JudgedKind, name: string) => string | undefined) {
    this.#sink = sink
    this.#uidOf = uidOf
  }

  decided(change: Change, verdict: Verdict): void {
    if (change.request.dryRun) return
    const { kind } = change
    const { name, uid } = (change.after ?? change.before).metadata
    // A review can be forged. Whoever looks at an object that is stored sees what is told of it, and of no other.
    if (change.operation !== 'CREATE' && this.#uidOf(kind, name) !== uid) return
    const share = change.operation === 'CREATE' ? creates : change.request.actor.username
    const told = new Set<string>()
    for (const finding of findingsOf(verdict)) {
      const reason = reasonOf(finding)
      const asker = cut(change.request.actor.username, longestUser)
      const message = cut(oneLineOf(finding, ` (asked by ${asker})`), longestMessage)
      // One object can have thousands of findings, and an Event is one for each reason.
      const tell = (event: Pick<ObjectEvent, 'kind' | 'name' | 'uid'>): void => {
        const key = `${event.kind}/${event.name}/${reason}`
        if (!told.has(key)) this.#sink.record({ ...event, reason, message, share })
        told.add(key)
      }
      tell({ kind, name, uid })
      if (finding.rule === 'cleanup-during-eviction') this.#tellNodes(finding, tell)
    }
  }

  /** The end of an eviction that is held back is looked for at the node (design: rules, o4). */
  #tellNodes({ subjects }: Finding, tell: (event: Pick<ObjectEvent, 'kind' | 'name' | 'uid'>) => void): void {
    for (const { node: name } of subjects) {
      const uid = name === undefined ? undefined : this.#uidOf('Node', name)
      if (name !== undefined && uid !== undefined) tell({ kind: 'Node', name, uid })
    }
  }
}

/** All that is not stored yet shares one: its names are anybody's invention. No user has this name. */
const creates = '(creates)'

/** `eviction-during-cleanup` → `EvictionDuringCleanup`. */
function reasonOf({ rule }: Finding): string {
  return rule.replaceAll(/(^|-)([a-z])/g, (_, _hyphen, letter: string) => letter.toUpperCase())
}
