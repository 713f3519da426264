import type { DecisionListener, EventSink, ObjectEvent, Timing } from '../gate/ports.ts'
import { findingsOf, type Verdict } from '../gate/verdict.ts'
import type { Change, JudgedKind } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { oneLineOf } from '../rules/layout.ts'
import { cut } from '../text/plain-text.ts'

/** The longest message that the API server accepts, in UTF-16 units. */
const longestMessage = 1_024

/** A longer name would leave no room for the finding, in UTF-16 units. */
const longestUser = 256

/**
 * Writes an Event at the object for each hold, denial or warning, for people who look there for the reason.
 * An allowed change shows itself. Dry runs get no Event, since only their author cares.
 */
export class DecisionEvents implements DecisionListener {
  /** Records all findings. */
  readonly scope = 'what-is-on-record'
  readonly #sink: EventSink
  readonly #uidOf: (kind: JudgedKind, name: string) => string | undefined
  /** A denial that is repeated within a second is the same verdict, on the same map. */
  readonly #events = new WeakMap<Verdict, readonly ObjectEvent[]>()

  /** @param uidOf a stored object; undefined if none has this name */
  constructor(sink: EventSink, uidOf: (kind: JudgedKind, name: string) => string | undefined) {
    this.#sink = sink
    this.#uidOf = uidOf
  }

  decided(change: Change, verdict: Verdict, { isRepeated }: Pick<Timing, 'isRepeated'> = {}): void {
    if (change.request.dryRun) return
    const known = isRepeated && this.#events.get(verdict)
    if (known) {
      for (const event of known) this.#sink.record(event)
      return
    }
    const events: ObjectEvent[] = []
    this.#events.set(verdict, events)
    const { kind } = change
    const { name, uid } = (change.after ?? change.before).metadata
    // A review can be forged. So an Event appears only at the stored object that it is about.
    if (change.operation !== 'CREATE' && this.#uidOf(kind, name) !== uid) return
    const share = change.operation === 'CREATE' ? creates : change.request.actor.username
    const recorded = new Set<string>()
    for (const finding of findingsOf(verdict)) {
      const reason = reasonOf(finding)
      const asker = cut(change.request.actor.username, longestUser)
      const message = cut(oneLineOf(finding, ` (asked by ${asker})`), longestMessage)
      // One object can have thousands of findings, and an Event is one for each reason.
      const record = (event: Pick<ObjectEvent, 'kind' | 'name' | 'uid'>): void => {
        const key = `${event.kind}/${event.name}/${reason}`
        if (recorded.has(key)) return
        recorded.add(key)
        const written = { ...event, reason, message, share }
        events.push(written)
        this.#sink.record(written)
      }
      record({ kind, name, uid })
      if (finding.rule === 'cleanup-during-eviction') this.#recordNodes(finding, record)
    }
  }

  /** People look for the end of a held eviction at the node (design: rules, o4). */
  #recordNodes(
    { subjects }: Finding,
    record: (event: Pick<ObjectEvent, 'kind' | 'name' | 'uid'>) => void,
  ): void {
    for (const { node: name } of subjects) {
      const uid = name === undefined ? undefined : this.#uidOf('Node', name)
      if (name !== undefined && uid !== undefined) record({ kind: 'Node', name, uid })
    }
  }
}

/**
 * All objects that are not stored yet share one limit, since a client can invent any name. No user has this
 * name.
 */
const creates = '(creates)'

/** `eviction-during-cleanup` → `EvictionDuringCleanup`. */
function reasonOf({ rule }: Finding): string {
  return rule.replaceAll(/(^|-)([a-z])/g, (_, _hyphen, letter: string) => letter.toUpperCase())
}
