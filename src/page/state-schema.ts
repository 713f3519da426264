import { type Static, type TSchema, Type } from 'typebox'
import { profiles } from '../longhorn/releases.ts'
import { nodeStates } from '../rules/node-state.ts'

const Text = Type.String()

/** A moment: milliseconds by the clock of the server. */
function moment(description: string) {
  return Type.Number({ description: `${description} By the clock of \`now\`.` })
}

function orNull<T extends TSchema>(schema: T, description?: string) {
  return Type.Union([schema, Type.Null()], description === undefined ? {} : { description })
}

function oneOf<const T extends readonly string[]>(words: T, description: string) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...words], description })
}

/** The looks of a copy: its phase and its state, as far as a person has to know them. */
const copyLooks = ['ready', 'copying', 'cleaning up', 'failed', 'unknown'] as const

const CopySchema = Type.Object({
  image: Text,
  look: oneOf(
    copyLooks,
    'cleaning up: gone from spec and still in status. copying: on its way to ready. unknown: its node or disk does not answer.',
  ),
  state: Type.String({ description: 'As in status; empty while the copy is only planned.' }),
  progress: orNull(Type.Number(), 'In percent, of a copy that is being made; null if Longhorn reports none.'),
  since: orNull(moment('Since when the clean-up is known to be pending; it may be older.'), 'Else null.'),
  replicas: Type.Integer({ minimum: 0, description: 'Replicas of volumes on this disk that use the copy.' }),
  last: Type.Boolean({ description: 'True if no other copy of the image is usable.' }),
})

const DiskSchema = Type.Object({
  name: Text,
  path: Text,
  uuid: orNull(Text, 'Null until Longhorn has seen the disk.'),
  scheduling: Type.Boolean({ description: 'False if closed, by itself or with the node.' }),
  evictionRequested: Type.Boolean({ description: 'The flag of the disk, without that of its node.' }),
  managerState: orNull(
    Text,
    'Of the backing image manager. While it is not running, no clean-up ends there.',
  ),
  copies: Type.Array(CopySchema),
})

const NotedSchema = Type.Object({
  node: Type.Boolean({ description: 'True if the node’s own flag is noted.' }),
  disks: Type.Array(Text, { description: 'The disks whose flags are noted.' }),
  since: orNull(Text, 'A time of day, RFC 3339. Null if the note does not say.'),
  by: Type.String({ description: 'The user that has cleared them; empty if the note does not say.' }),
  raisedBy: oneOf(
    ['guard', 'person'],
    'guard: it raises them when that is safe. person: only a command does.',
  ),
  problem: orNull(Text, 'Why the note cannot be read; null if it can.'),
})

const NodeSchema = Type.Object({
  name: Text,
  state: oneOf(nodeStates, 'The worst that is true of the node; the worst comes first in this list.'),
  settlesAt: orNull(moment('When Longhorn has noticed what has ended there.'), 'Null if nothing has.'),
  scheduling: Type.Boolean({ description: 'Of the node, without its disks.' }),
  evictionRequested: Type.Boolean({ description: 'The flag of the node, without those of its disks.' }),
  reserved: Type.Integer({
    minimum: 0,
    description:
      'Reserved changes: admitted ones that may still be committed, and evictions that wait for clean-ups.',
  }),
  noted: orNull(NotedSchema, 'The flags that a rescue has cleared and noted on the node, else null.'),
  disks: Type.Array(DiskSchema),
})

const WaitingSchema = Type.Object({
  id: Type.String({ description: 'Tells holds of all replicas apart.' }),
  replica: Text,
  user: Text,
  door: Text,
  object: Type.Object({ kind: Text, name: Text }),
  doing: Type.String({ description: 'What the change does: evicting disk-2 of node-1.' }),
  since: moment('When this user first asked for it.'),
  until: moment('When it is answered at the latest.'),
  causes: Type.Array(
    Type.Object({
      rule: Text,
      found: Type.String({ description: 'What stands against the change, in words.' }),
      since: orNull(moment('Since when that is known.')),
      until: orNull(moment('When time alone ends it.')),
      progress: orNull(Type.Number(), 'Of the copy that has to be ready first, in percent.'),
    }),
  ),
  moreCauses: Type.Integer({ minimum: 0, description: 'Causes that are not among them.' }),
})

const ReplicaSchema = Type.Object({
  replica: Text,
  version: Text,
  synced: Type.Boolean({ description: 'True once it has read every Longhorn object.' }),
})

const Milliseconds = Type.Number({ minimum: 0 })
const Most = Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])

const GuardPolicySchema = Type.Object({
  release: orNull(Text, 'The Longhorn release that it is configured for; null for the running one.'),
  evictionCompletion: oneOf(['hold', 'allow'], 'What the normal end of an eviction gets.'),
  settleMs: Milliseconds,
  settleAfterOutageMs: Milliseconds,
  lostAfterMs: Milliseconds,
  stuckAfterMs: Milliseconds,
  evictionBudget: Type.Object(
    { flaggedNodes: Most, pendingCleanups: Most },
    { description: 'Null for any number.' },
  ),
})

/** The parts of the state that come whole, or not at all. */
const parts = {
  source: Type.Optional(
    Type.Object({
      name: Type.String({
        description:
          'The source of the state, for people: a context, the address of an API server, or a replica.',
      }),
      namespace: Type.String({ description: 'Longhorn’s namespace.' }),
      flags: Type.String({
        description:
          'Flags with which a command of holdfast looks at the same cluster; empty if it needs none.',
      }),
    }),
  ),
  longhorn: Type.Object({
    release: orNull(Text, 'As in Setting current-longhorn-version.'),
    profile: oneOf(profiles, 'What the release does when an eviction meets a clean-up.'),
    assumed: Type.Boolean({ description: 'True if the behaviour is assumed, as in the document Status.' }),
    words: Type.String({ description: 'The profile in words.' }),
  }),
  guard: Type.Object({
    mode: orNull(
      oneOf(['enforce', 'warn', 'off', 'mixed'], 'Of all rules; mixed if they differ.'),
      'Null if no replica says it.',
    ),
    rules: orNull(
      Type.Record(Text, oneOf(['enforce', 'warn', 'off'], 'How seriously it is taken.')),
      'By the name of the rule. Null if no replica says it.',
    ),
    policy: Type.Optional(
      orNull(GuardPolicySchema, 'The settings of its rules besides their modes. Null if no replica says it.'),
    ),
    replicas: Type.Array(ReplicaSchema),
    problem: orNull(Text, 'Why a replica, or all of them, cannot be asked, as a sentence.'),
  }),
  map: Type.Object({
    synced: Type.Boolean({ description: 'True once every Longhorn object was read.' }),
    staleAfterMs: Type.Number({
      description: 'The state counts as old after so long without a sign of the API server.',
    }),
    unreadable: Type.Integer({ minimum: 0, description: 'Longhorn objects that cannot be read.' }),
    outage: Type.Optional(orNull(Text, 'Why the API server cannot be followed now; null while it is.')),
  }),
  waiting: Type.Array(WaitingSchema, { description: 'Changes that are held now, the longest first.' }),
  elsewhere: Type.Array(Type.Object({ diskUUID: Text, image: Text, since: moment('As of a copy.') }), {
    description: 'Clean-ups that are pending on disks that no node has.',
  }),
  imagesNowhere: Type.Array(Text, {
    description:
      'Backing images without a usable copy on a disk that a node has and that is not lost; at most 100.',
  }),
}

const clock = {
  now: Type.Number({
    description:
      'The moment of this document, in milliseconds by a clock that is never set. Only differences of two moments mean something.',
  }),
  observedAt: Type.String({ description: 'The same as a time of day, RFC 3339.' }),
  currentAt: orNull(moment('When the map was last known to be current.'), 'Null before that.'),
}

/** JSON Schema of `GET /api/v1/state`, and of the event `state`. */
export const StateSchema = Type.Object(
  {
    apiVersion: Type.Literal('holdfast.dev/v1'),
    kind: Type.Literal('State'),
    ...clock,
    ...parts,
    nodes: Type.Array(NodeSchema, { description: 'By name.' }),
  },
  { $id: 'holdfast.dev/v1/State', title: 'The state that the page of Holdfast shows' },
)

/** JSON Schema of the event `change`: a part that it leaves out is as before. */
export const StateChangeSchema = Type.Object(
  {
    apiVersion: Type.Literal('holdfast.dev/v1'),
    kind: Type.Literal('StateChange'),
    ...clock,
    ...Type.Partial(Type.Object(parts)).properties,
    nodes: Type.Optional(
      Type.Object({
        set: Type.Array(NodeSchema, { description: 'Nodes that are new, or different.' }),
        gone: Type.Array(Text, { description: 'Names of nodes that are gone.' }),
      }),
    ),
  },
  { $id: 'holdfast.dev/v1/StateChange', title: 'The changes since the last event' },
)

/** The state that the page shows. */
export type State = Static<typeof StateSchema>

/** The changes of it. */
export type StateChange = Static<typeof StateChangeSchema>

/** One Longhorn node on the page. */
export type NodeView = Static<typeof NodeSchema>

/** One disk of it. */
export type DiskView = Static<typeof DiskSchema>

/** One backing image on a disk. */
export type CopyView = Static<typeof CopySchema>

/** One change that is held. */
export type WaitingView = Static<typeof WaitingSchema>

/** The policy of a guard, besides the modes of its rules. */
export type GuardPolicy = Static<typeof GuardPolicySchema>

/** The parts that come whole, or not at all. */
export type StateParts = Pick<State, keyof typeof parts>
