import { escapedText } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'
import type { NodeView, StateParts } from './state-schema.ts'

/** The sources of a state. The feed reads them while a page is open, and at no other time. */
export interface StateSource {
  /** All but the nodes; quickly made. */
  readonly parts: () => StateParts
  /** By name. @param before the views of the last look; a node that looks the same keeps its object */
  readonly nodes: (before: ReadonlyMap<string, NodeView>) => readonly NodeView[]
  /** When the map was last known to be current, by the monotonic clock; undefined before that. */
  readonly currentAt: () => number | undefined
  /** Calls the listener whenever something may be different. @returns ends it */
  readonly subscribe: (listener: () => void) => () => void
}

/** An event of the stream: its name, and its data as JSON on one line. */
export interface FeedEvent {
  readonly name: string
  readonly data: string
}

/** A person sees no more than a few states a second. In milliseconds. */
const paceMs = 400

/** A pulse comes so often, and says how old the state is. In milliseconds. */
const pulseMs = 2_000

/** Making the nodes of a state takes at most this share of the time: decisions come first. */
const shareOfTime = 20

/** The state that was sent last: each part and each node as JSON, to find the differences. */
interface SentState {
  readonly parts: ReadonlyMap<string, string>
  readonly nodes: ReadonlyMap<string, string>
  readonly views: ReadonlyMap<string, NodeView>
}

/**
 * The state for all streams: whole once, and then its changes, a few times a second at most. Of a large cluster the nodes come
 * less often than the rest. The feed keeps one state as text for all streams, and none while no stream is open.
 */
export class StateFeed {
  readonly #source: StateSource
  readonly #clock: Clock
  readonly #followers = new Set<(event: FeedEvent) => void>()
  #sent: SentState | undefined
  /** When the feed looks for the next change; undefined if nothing calls for that. */
  #dueAt: number | undefined
  #notBefore = 0
  #nodesNotBefore = 0
  #cancel: (() => void)[] = []
  #cancelNext: (() => void) | undefined
  #cancelForget: (() => void) | undefined

  constructor(source: StateSource, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /** The number of open streams. */
  get followers(): number {
    return this.#followers.size
  }

  /** The whole state as JSON: as it is, or as it was a moment ago. */
  state(): string {
    const sent = this.#sent && this.#clock.monotonic() < this.#notBefore ? this.#sent : this.#update()
    if (this.#followers.size === 0) this.#forgetLater()
    return `{"apiVersion":"holdfast.dev/v1","kind":"State",${this.#moment()},${[...sent.parts.values()].join(',')},"nodes":[${[...sent.nodes.values()].join(',')}]}`
  }

  /** Sends every later change. @returns ends it */
  follow(follower: (event: FeedEvent) => void): () => void {
    const isFirst = this.#followers.size === 0
    this.#followers.add(follower)
    if (isFirst) this.#begin()
    return () => {
      if (this.#followers.delete(follower) && this.#followers.size === 0) this.#end()
    }
  }

  #begin(): void {
    this.#cancelForget?.()
    this.#update()
    const pulse = (): void => {
      this.#cancel[0] = this.#clock.setTimer(pulseMs, pulse)
      // Time alone ends what settles, and begins what is late.
      this.#touch()
      this.#send({ name: 'pulse', data: `{${this.#moment()}}` })
    }
    this.#cancel = [this.#clock.setTimer(pulseMs, pulse), this.#source.subscribe(() => this.#touch())]
  }

  #end(): void {
    for (const cancel of this.#cancel) cancel()
    this.#cancelNext?.()
    this.#dueAt = undefined
    this.#forgetLater()
  }

  /** A client that asks without end must not cost more than one that follows. */
  #forgetLater(): void {
    this.#cancelForget?.()
    const inMs = Math.max(0, this.#nodesNotBefore - this.#clock.monotonic())
    this.#cancelForget = this.#clock.setTimer(inMs, () => {
      this.#sent = undefined
    })
  }

  #touch(): void {
    this.#updateAt(this.#notBefore)
  }

  #updateAt(moment: number): void {
    if (this.#dueAt !== undefined && this.#dueAt <= moment) return
    this.#cancelNext?.()
    this.#dueAt = moment
    const inMs = Math.max(0, moment - this.#clock.monotonic())
    this.#cancelNext = this.#clock.setTimer(inMs, () => this.#update())
  }

  #update(): SentState {
    this.#cancelNext?.()
    this.#dueAt = undefined
    const before = this.#sent
    const now = this.#look(before)
    this.#sent = now
    const change = before && changeOf(before, now)
    if (change !== undefined)
      this.#send({
        name: 'change',
        data: `{"apiVersion":"holdfast.dev/v1","kind":"StateChange",${this.#moment()},${change}}`,
      })
    // The nodes are as before, although they may be different.
    if (now.nodes === before?.nodes && this.#followers.size > 0) this.#updateAt(this.#nodesNotBefore)
    return now
  }

  #look(before: SentState | undefined): SentState {
    this.#notBefore = this.#clock.monotonic() + paceMs
    const parts = new Map(
      Object.entries(this.#source.parts()).map(([name, part]) => [name, `"${name}":${json(part)}`]),
    )
    const { nodes, views } = this.#nodes(before)
    return { parts, nodes, views }
  }

  #nodes(before: SentState | undefined): Pick<SentState, 'nodes' | 'views'> {
    const began = this.#clock.monotonic()
    if (before && began < this.#nodesNotBefore) return before
    const known = before?.views ?? new Map<string, NodeView>()
    const views = new Map(this.#source.nodes(known).map((view) => [view.name, view]))
    const nodes = new Map<string, string>()
    for (const [name, view] of views) {
      const text = known.get(name) === view ? before?.nodes.get(name) : undefined
      nodes.set(name, text ?? json(view))
    }
    const ended = this.#clock.monotonic()
    this.#nodesNotBefore = ended + Math.max(paceMs, (ended - began) * shareOfTime)
    return { nodes, views }
  }

  #moment(): string {
    const { currentAt } = this.#source
    const now = this.#clock.monotonic()
    const observedAt = new Date(this.#clock.now()).toISOString()
    return `"now":${Math.round(now)},"observedAt":"${observedAt}","currentAt":${rounded(currentAt())}`
  }

  #send(event: FeedEvent): void {
    for (const follower of [...this.#followers]) follower(event)
  }
}

/** @returns the different parts and nodes, as JSON without its braces; undefined if all is the same */
function changeOf(before: SentState, now: SentState): string | undefined {
  const changed = [...now.parts]
    .filter(([name, part]) => before.parts.get(name) !== part)
    .map(([, part]) => part)
  const set = [...now.nodes].filter(([name, node]) => before.nodes.get(name) !== node).map(([, node]) => node)
  const gone = [...before.nodes.keys()].filter((name) => !now.nodes.has(name))
  if (set.length > 0 || gone.length > 0)
    changed.push(`"nodes":{"set":[${set.join(',')}],"gone":${json(gone)}}`)
  return changed.length > 0 ? changed.join(',') : undefined
}

function rounded(ms: number | undefined): string {
  return ms === undefined ? 'null' : String(Math.round(ms))
}

/** A terminal must not act on the output of curl. Times are whole milliseconds. */
function json(value: unknown): string {
  return escapedText(
    JSON.stringify(value, (_key, each: unknown) => (typeof each === 'number' ? Math.round(each) : each)),
  )
}
