import { DiskMap } from '../../disk-map/disk-map.ts'
import { isJsonObject, type JsonObject } from '../../json/schema.ts'
import { group, type Kind, kinds, type LonghornObject } from '../../longhorn/kinds.ts'

/** An object of the cluster that could not be read. */
interface Unreadable {
  readonly kind: Kind
  readonly name: string
  readonly problem: string
}

/** A cluster at one moment, to judge changes against. */
export class ClusterState {
  readonly map = new DiskMap()
  readonly unreadable: Unreadable[] = []
  readonly #raw = new Map<string, JsonObject>()
  readonly #parsed = new Map<string, LonghornObject>()
  readonly #known = new Set<string>()
  /** When it was read, in milliseconds since the epoch. Ages are computed up to then. */
  readonly at: number

  /** True if that time is known; false if it is the current time instead. */
  readonly knowsWhen: boolean

  /** @param at when it was read, in milliseconds since the epoch */
  constructor(at: number, knowsWhen = true) {
    this.at = at
    this.knowsWhen = knowsWhen
  }

  /** Adds an object of any kind. @returns false for one that is not Longhorn's; it is ignored */
  add(raw: unknown): boolean {
    const kind = kindOf(raw)
    if (kind === undefined || !isJsonObject(raw)) return false
    this.#known.add(kind)
    const parsed = kinds[kind].parse(raw)
    if (!parsed.ok) {
      this.unreadable.push({ kind, name: nameOf(raw), problem: parsed.problem })
      return true
    }
    const key = keyOf(kind, parsed.value.metadata.name)
    this.#raw.set(key, raw)
    this.#parsed.set(key, parsed.value)
    this.map.adopt(parsed.value, this.at)
    return true
  }

  /** Records that the state has all objects of these kinds, even if there are none. */
  hasAllOf(all: Iterable<string>): void {
    for (const kind of all) this.#known.add(kind)
  }

  /** True if the state has all objects of this kind, even if there are none. */
  readonly knows = (kind: Kind): boolean => this.#known.has(kind)

  /** The object as it came. */
  raw(kind: Kind, name: string): JsonObject | undefined {
    return this.#raw.get(keyOf(kind, name))
  }

  /** True if the time of reading matters: a node or a disk has not been ready since some time. */
  get hasAges(): boolean {
    return [...this.map.nodes()].some(
      ({ status: { notReady, diskStatus } }) =>
        notReady?.since !== undefined ||
        [...diskStatus.values()].some((disk) => disk.notReady?.since !== undefined),
    )
  }

  /** All objects, parsed. */
  get objects(): Iterable<LonghornObject> {
    return this.#parsed.values()
  }
}

/** The kind of Longhorn's that an object claims. */
function kindOf(raw: unknown): Kind | undefined {
  if (!isJsonObject(raw) || typeof raw.apiVersion !== 'string' || typeof raw.kind !== 'string')
    return undefined
  if (raw.apiVersion.split('/')[0] !== group) return undefined
  const { kind } = raw
  return isKind(kind) ? kind : undefined
}

/** The name in an object's metadata; empty if it has none. */
export function nameOf(raw: JsonObject): string {
  const { metadata } = raw
  return isJsonObject(metadata) && typeof metadata.name === 'string' ? metadata.name : ''
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(kinds, kind)
}

function keyOf(kind: Kind, name: string): string {
  return `${kind}/${name}`
}
