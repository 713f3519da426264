import { type Static, Type } from 'typebox'
import type { HeldChange, HoldCause } from '../gate/held-change.ts'
import type { HoldEnd } from '../gate/ports.ts'
import { parser } from '../json/schema.ts'

/** Which form it has. A field may be added under this name; none goes, and none changes its meaning. */
const holdSchema = 'holdfast.dev/hold/v1'

const Text = Type.String()
const Milliseconds = Type.Number({ minimum: 0 })

const CauseSchema = Type.Object({
  rule: Text,
  found: Type.String({ description: 'What stands against the change, in words.' }),
  node: Type.Optional(Text),
  disk: Type.Optional(Text),
  diskUUID: Type.Optional(Text),
  image: Type.Optional(Text),
  sinceMs: Type.Optional({ ...Milliseconds, description: 'For how long the guard has known of it.' }),
  leftMs: Type.Optional({ ...Milliseconds, description: 'How long it still counts, if time alone ends it.' }),
  progress: Type.Optional(
    Type.Number({ description: 'How much of the copy is there that has to be ready first, in percent.' }),
  ),
})

const held = {
  uid: Type.String({ description: 'Of the request that waits, the last of one client.' }),
  door: Type.String({ description: 'Where it came in: webhook, proxy-kubernetes or proxy-longhorn.' }),
  user: Text,
  object: Type.Object({ kind: Text, name: Text }),
  change: Type.String({ description: 'What it does, in words: evicting disk-2 of node-1.' }),
  waitedMs: { ...Milliseconds, description: 'Since its user first asked for it.' },
  leftMs: {
    ...Milliseconds,
    description: 'How long it can still wait. Then it gets 429 if it still has to wait.',
  },
  causes: Type.Array(CauseSchema, { description: 'The first of what stands against it.' }),
  moreCauses: Type.Integer({ minimum: 0, description: 'How many causes are left out.' }),
  nodes: Type.Array(Text, { description: 'The nodes that it is about, the first few.' }),
}

/** One change that waits, with lengths of time: the clocks of two machines need not agree. */
export const HeldSchema = Type.Object(held)

/** One change that waits, as a replica reports it. */
export type Held = Static<typeof HeldSchema>

/** JSON Schema of what `holdfast audit --follow --holds` shows besides records: that a request begins to wait, or no longer does. */
export const HoldRecordSchema = Type.Object(
  {
    schema: Type.Literal(holdSchema),
    time: Type.String({ description: 'RFC 3339.' }),
    replica: Text,
    phase: Type.Union([Type.Literal('began'), Type.Literal('ended')]),
    outcome: Type.Optional(
      Type.String({
        description:
          'Of one that ended: admitted, denied, not judged, left (the client closed its request), or gone (the client had to retry, and has not come back). A client that retries waits on.',
      }),
    ),
    ...held,
  },
  { $id: holdSchema, title: 'A request that waits for Holdfast' },
)

/** That a request begins to wait, or no longer does. */
export type HoldRecord = Static<typeof HoldRecordSchema>

/** Reads one that was written before. */
export const parseHoldRecord = parser(HoldRecordSchema, (record): HoldRecord => record)

/** With lengths of time. @param now by the monotonic clock */
export function heldAt(change: HeldChange, now: number): Held {
  const { request, object, doing, since, until, causes, moreCauses, nodes } = change
  return {
    uid: request.uid,
    door: request.door,
    user: request.user,
    object: { kind: object.kind, name: object.name },
    change: doing,
    waitedMs: lasting(since, now),
    leftMs: lasting(now, until),
    causes: causes.map((cause) => causeAt(cause, now)),
    moreCauses,
    nodes: [...nodes],
  }
}

function causeAt(
  { rule, found, subject, since, until, progress }: HoldCause,
  now: number,
): Held['causes'][number] {
  return {
    rule,
    found,
    ...subject,
    ...(since !== undefined && { sinceMs: lasting(since, now) }),
    ...(until !== undefined && { leftMs: lasting(now, until) }),
    ...(progress !== undefined && { progress }),
  }
}

function lasting(from: number, to: number): number {
  return Math.max(0, Math.round(to - from))
}

/** The facts of a record besides the hold itself. */
interface Circumstances {
  readonly replica: string
  /** Milliseconds since the epoch. */
  readonly timeOfDay: number
  /** By the monotonic clock. */
  readonly now: number
}

/** @param how it has ended; undefined while it waits */
export function holdRecordOf(
  change: HeldChange,
  how: HoldEnd | undefined,
  { replica, timeOfDay, now }: Circumstances,
): HoldRecord {
  return {
    schema: holdSchema,
    time: new Date(timeOfDay).toISOString(),
    replica,
    phase: how === undefined ? 'began' : 'ended',
    ...(how !== undefined && { outcome: how }),
    ...heldAt(change, now),
  }
}
