import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { type Marks, nodeOf, type Entry, unownedDisks } from '../../gate/reservation-book.ts'
import { intents, type Reservation } from '../../gate/reservation.ts'
import { optionalMap, type Parsed, parser } from '../../json/schema.ts'

/** The annotation with the key of the entry: names of nodes can be too long for the name of a Lease. */
const entryAnnotation = 'holdfast.dev/page'
/** The annotation with the reservations, as JSON with one on each line. */
const reservationsAnnotation = 'holdfast.dev/reservations'

/** The annotation with the marks, as JSON. An older version of Holdfast drops it with each write. */
const settledAnnotation = 'holdfast.dev/settled'

/** The label of a Lease of the book: `kubectl get leases -l holdfast.dev/reservations=true`. */
export const bookLabels = { 'holdfast.dev/reservations': 'true' } as const

/** The longest name that Kubernetes accepts. */
const maxName = 253

const LeaseSchema = Type.Object({
  metadata: Type.Object({
    name: Type.String(),
    resourceVersion: Type.String({ minLength: 1 }),
    annotations: optionalMap(Type.String()),
  }),
})

const ReservationsSchema = Type.Array(
  Type.Object({
    kind: Type.Union([
      Type.Literal('Node'),
      Type.Literal('BackingImage'),
      Type.Literal('BackingImageDataSource'),
    ]),
    name: Type.String(),
    uid: Type.String(),
    resourceVersion: Type.String(),
    intent: Type.Union(intents.map((intent) => Type.Literal(intent))),
    disks: Type.Union([Type.Literal('any'), Type.Array(Type.String())]),
    deadline: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' }),
    lastsMs: Type.Optional(Type.Integer({ minimum: 0 })),
    by: Type.String(),
    stamp: Type.String(),
    pinned: Type.Optional(Type.Boolean()),
  }),
)

const parseMarks = parser(
  Type.Object({
    Node: Type.Optional(Type.String()),
    BackingImage: Type.Optional(Type.String()),
    BackingImageDataSource: Type.Optional(Type.String()),
  }),
  (raw): Marks => raw,
)
const parseLease = parser(LeaseSchema, (raw) => raw)
const parseShape = parser(ReservationsSchema, (raw) =>
  raw.map((each): Reservation => ({ ...each, deadline: Date.parse(each.deadline) })),
)

/** The 45th of a month has the form of a day, and no time could be counted from it. */
function parseReservations(raw: unknown): Parsed<Reservation[]> {
  const parsed = parseShape(raw)
  if (!parsed.ok) return parsed
  const odd = parsed.value.findIndex(({ deadline }) => Number.isNaN(deadline))
  return odd < 0 ? parsed : { ok: false, problem: `${odd}.deadline is no time` }
}

/** The name of the Lease for an entry. */
export function leaseName(key: string): string {
  if (key === unownedDisks) return 'unowned-disks'
  const node = nodeOf(key)
  const name = `node.${key}`
  if (node !== undefined && name.length <= maxName) return name
  return `${node === undefined ? 'writes' : 'node'}.${createHash('sha256').update(key).digest('hex')}`
}

/** The writer of a Lease, and the time. */
interface LeaseWriter {
  readonly replica: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * An entry as a Lease, readable for people too: `kubectl get lease -o yaml` shows one reservation on each line.
 *
 * @param version the one that it replaces; undefined to create it
 */
export function leaseOf({ key, version, reservations, marks }: Entry, { replica, now }: LeaseWriter) {
  const last = Math.max(now, ...reservations.map(({ deadline }) => deadline))
  const lines = reservations.map((each) =>
    JSON.stringify({ ...each, deadline: new Date(each.deadline).toISOString() }),
  )
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: leaseName(key),
      ...(version === undefined ? {} : { resourceVersion: version }),
      labels: bookLabels,
      annotations: {
        [entryAnnotation]: key,
        [reservationsAnnotation]: `[${lines.join(',\n ')}]`,
        ...(marks && { [settledAnnotation]: JSON.stringify(marks) }),
      },
    },
    spec: {
      holderIdentity: replica,
      renewTime: new Date(now).toISOString().replace('Z', '000Z'),
      leaseDurationSeconds: Math.max(1, Math.ceil((last - now) / 1_000)),
    },
  }
}

const parseRenewal = parser(
  Type.Object({ spec: Type.Object({ holderIdentity: Type.String(), renewTime: Type.String() }) }),
  ({ spec }) => ({ holder: spec.holderIdentity, at: Date.parse(spec.renewTime) }),
)

/** The writer of a Lease, and the time by its clock; undefined if the Lease does not have them. */
export function renewalOf(raw: unknown): { readonly holder: string; readonly at: number } | undefined {
  const renewal = parseRenewal(raw)
  return renewal.ok && !Number.isNaN(renewal.value.at) ? renewal.value : undefined
}

/**
 * Reads a Lease as an entry.
 *
 * @returns undefined for a Lease outside the book
 */
export function entryOf(raw: unknown): Parsed<Entry> | undefined {
  const lease = parseLease(raw)
  if (!lease.ok) return lease
  const { name, resourceVersion, annotations } = lease.value.metadata
  const text = annotations?.[reservationsAnnotation]
  const key = annotations?.[entryAnnotation]
  if (typeof text !== 'string' || typeof key !== 'string')
    return ours(name) ? unreadable(name, 'its annotations are missing') : undefined
  const reservations = parseReservations(jsonOrNothing(text))
  if (!reservations.ok)
    return unreadable(name, `its annotation ${reservationsAnnotation}: ${reservations.problem}`)
  const entry = { key, version: resourceVersion, reservations: reservations.value }
  // An entry without readable marks is less precise, and still safe.
  const marks = parseMarks(jsonOrNothing(annotations?.[settledAnnotation] ?? ''))
  return { ok: true, value: marks.ok ? { ...entry, marks: marks.value } : entry }
}

function ours(name: string): boolean {
  return name === leaseName(unownedDisks) || /^(node|writes)\./.test(name)
}

function unreadable(name: string, why: string): Parsed<never> {
  return {
    ok: false,
    problem: `Lease ${name} is not what Holdfast wrote (${why}), so its reservations are unknown. Delete it once no eviction and no clean-up is being requested`,
  }
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller reports it.
    return undefined
  }
}
