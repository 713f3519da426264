import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { defaultGateOptions, Gate } from '../../src/gate/gate.ts'
import { ChangeBus, objectChange, entryChange } from '../../src/gate/change-bus.ts'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import type { QuorumReads } from '../../src/gate/ports.ts'
import { type Kind, kinds, type LonghornObject, type ObjectOf } from '../../src/longhorn/kinds.ts'
import { profileOf } from '../../src/longhorn/releases.ts'
import { parseRecord } from '../../src/observability/audit-record.ts'
import { AuditTrail } from '../../src/observability/audit-trail.ts'
import type { RuleName } from '../../src/rules/finding.ts'
import { defaultPolicy, type Policy } from '../../src/rules/policy.ts'
import { parsed } from '../fixtures/cluster.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import type { AnyCluster } from './any-cluster.ts'
import { keyOf, type RawObject } from './raw.ts'

/** How the gate of a campaign differs from others. */
export interface JudgedOptions {
  /** Rules that are switched off, to prove that the oracle finds the crashes that they prevent. */
  readonly off?: readonly RuleName[]
}

/** Enforces every rule without overrides, so that no dangerous change is ever admitted. */
function policyWithout(off: readonly RuleName[]): Policy {
  const modes = { ...defaultPolicy.modes, ...Object.fromEntries(off.map((rule) => [rule, 'off'])) }
  return { ...defaultPolicy, modes, override: { groups: ['those-who-may'], except: new Set() } }
}

/**
 * A cluster with the disk map and the gate of one door before it. Its clock stands still while something is decided, so
 * nothing is held; whatever waits for a time never comes.
 */
export class JudgedCluster {
  readonly release: string | undefined
  readonly objects: Map<string, RawObject>
  readonly map = new DiskMap()
  readonly clock = new FakeClock()
  readonly gate: Gate
  readonly trail: AuditTrail
  /** The errors that nothing here explains. */
  readonly problems: string[] = []
  readonly #changes = new ChangeBus()
  readonly #parsed = new Map<string, LonghornObject>()

  constructor({ release, objects, replicas }: AnyCluster, { off = [] }: JudgedOptions = {}) {
    this.release = release
    this.objects = new Map()
    if (release !== undefined)
      this.#adopt(parsed('Setting', { metadata: { name: 'current-longhorn-version' }, value: release }))
    for (const [at, { image, disk }] of replicas.entries())
      this.#adopt(
        parsed('Replica', { metadata: { name: `r${at}` }, spec: { backingImage: image, diskID: disk } }),
      )
    for (const object of objects.values()) this.put(object, true)
    const policy = policyWithout(off)
    this.trail = new AuditTrail({
      sinks: [
        {
          name: 'checked',
          write: (record) => {
            const read = parseRecord(JSON.parse(JSON.stringify(record)))
            if (!read.ok) this.problems.push(`a record that cannot be read: ${read.problem}`)
          },
        },
      ],
      clock: this.clock,
      circumstances: () => ({ replica: 'one', release, profile: profileOf(release), ageMs: 0, policy }),
    })
    const book = new InProcessBook()
    book.subscribe((key) => this.#changes.emit(entryChange(key)))
    this.gate = new Gate(
      { ...defaultGateOptions, maxHoldMs: 0, tidyMs: 0, replica: 'one', process: 'one', policy },
      {
        map: this.map,
        freshness: { synced: true, ageMs: () => 0, seenUpTo: () => '999999999', unreadable: [] },
        reads: this.#reads(),
        book,
        changes: this.#changes,
        clock: this.clock,
        listeners: [this.trail],
        onProblem: (what, error) => this.problems.push(`${what}: ${String(error)}`),
      },
    )
  }

  /** Stores an object, as it is. @param long it has been there for long @returns false if it cannot be read */
  put(object: RawObject, long = false): boolean {
    const kind = object.kind as Kind
    const read = kinds[kind].parse(object)
    if (!read.ok) return false
    this.objects.set(keyOf(kind, object.metadata.name), object)
    if (long) this.#adopt(read.value)
    else {
      this.#parsed.set(keyOf(kind, object.metadata.name), read.value)
      this.map.apply(read.value, this.clock.monotonic())
    }
    this.#changes.emit(objectChange(kind, object.metadata.name))
    return true
  }

  /** Forgets one that is gone. */
  remove({ kind, metadata: { name } }: RawObject): void {
    this.objects.delete(keyOf(kind, name))
    this.#parsed.delete(keyOf(kind, name))
    this.map.remove(kind as Kind, name, this.clock.monotonic())
    this.#changes.emit(objectChange(kind, name))
  }

  /** The object as it is stored, read; undefined if there is none. */
  one<K extends Kind>(kind: K, name: string): ObjectOf<K> | undefined {
    return this.#all(kind).find(({ metadata }) => metadata.name === name)
  }

  async stop(): Promise<void> {
    await this.gate.stop()
    await this.trail.stop()
  }

  #adopt(object: LonghornObject): void {
    this.#parsed.set(keyOf(object.kind, object.metadata.name), object)
    this.map.adopt(object, this.clock.monotonic())
  }

  #all<K extends Kind>(kind: K): ObjectOf<K>[] {
    return [...this.#parsed.values()].filter((object): object is ObjectOf<K> => object.kind === kind)
  }

  #reads(): QuorumReads {
    return {
      images: () => Promise.resolve(this.#all('BackingImage')),
      dataSources: () => Promise.resolve(this.#all('BackingImageDataSource')),
      nodes: () => Promise.resolve(this.#all('Node')),
      node: (name) => Promise.resolve(this.one('Node', name)),
      dataSource: (name) => Promise.resolve(this.one('BackingImageDataSource', name)),
      replicas: (_image, elsewhere) =>
        Promise.resolve(this.#all('Replica').filter(({ spec }) => !elsewhere.includes(spec.diskID))),
      metadata: (kind, name) => Promise.resolve(this.one(kind, name)?.metadata),
    }
  }
}
