import { type TSchema, Type } from 'typebox'
import { intents } from '../../gate/reservation.ts'
import { kinds } from '../../longhorn/kinds.ts'
import { profiles } from '../../longhorn/releases.ts'
import { apiVersion, Count, oneOf, orNull, Text, text, time } from './fields.ts'

const Node = orNull(Text, 'The Longhorn node. Null for a disk that no node has.')
const Disk = orNull(Text, 'The name of the disk on that node. Null for a disk that no node has.')
const ManagerState = orNull(
  Text,
  'State of the backing image manager of the disk. Null if there is none. While it is not running, no clean-up ends.',
)

const PendingStatusSchema = Type.Object({
  image: Text,
  diskUUID: Text,
  node: Node,
  disk: Disk,
  state: text('State of the copy in status: ready, unknown, …'),
  since: orNull(time('RFC 3339.'), 'Since when the copy is known to be pending. Null if its age is unknown.'),
  ageKnown: oneOf(
    ['unknown', 'at least', 'exact'],
    'How well the age is known. Longhorn does not record when a clean-up begins.',
  ),
  managerState: ManagerState,
})

const DiskStatusSchema = Type.Object({
  name: Text,
  uuid: orNull(Text, 'Null until Longhorn has synced the disk.'),
  evictionRequested: Type.Boolean({
    description: 'The flag of the disk. That of the node counts for it too.',
  }),
  allowScheduling: Type.Boolean({
    description: 'False while the disk itself is closed for scheduling. That of the node counts for it too.',
  }),
  copies: Type.Object(
    { planned: Count, present: Count, pendingCleanup: Count },
    { description: 'Copies of backing images: in spec only, in spec and status, in status only.' },
  ),
  managerState: ManagerState,
})

const NotedStatusSchema = Type.Object({
  node: Type.Boolean({ description: 'True if the flag of the node itself is noted.' }),
  disks: Type.Array(Text, { description: 'The disks whose flags are noted.' }),
  since: orNull(time('RFC 3339.'), 'When they were cleared. Null if the note does not say.'),
  by: text('The user that has cleared them. Empty if the note does not say.'),
  raisedBy: oneOf(
    ['guard', 'person'],
    'guard: the guard raises them again as soon as that is safe (rescue: on). person: only a person’s command does.',
  ),
  problem: orNull(Text, 'Why the note cannot be read. Null if it can.'),
})

const NodeStatusSchema = Type.Object({
  name: Text,
  state: oneOf(
    ['danger', 'flagged', 'cleaning up', 'down', 'settling', 'ok'],
    'The worst that is true of the node. danger: a flag and a clean-up have met, and the longhorn-manager crashes.',
  ),
  settlesAt: orNull(
    time('RFC 3339.'),
    'When Longhorn has noticed the changes that ended there. Null if none is known.',
  ),
  evictionRequested: Type.Boolean({ description: 'The flag of the node, without those of its disks.' }),
  allowScheduling: Type.Boolean({ description: 'False while the whole node is closed for scheduling.' }),
  noted: orNull(
    NotedStatusSchema,
    'The flags that a rescue has cleared and noted on the node (annotation holdfast.dev/rescue). Null without a note.',
  ),
  disks: Type.Array(DiskStatusSchema),
})

const ReservationStatusSchema = Type.Object({
  node: Node,
  intent: oneOf(intents, 'What the reserved change does on the disks.'),
  object: Type.Object({ kind: Text, name: Text }),
  disks: Type.Union([Type.Array(Text), Type.Literal('any')], {
    description: 'UUIDs of disks, or any for all disks of the node.',
  }),
  deadline: time(
    'When the API server can no longer commit the change, by the clock of the replica that wrote it.',
  ),
  by: text('The replica that reserved it.'),
})

const WaitingCauseSchema = Type.Object({
  rule: Text,
  found: text('What stands against the change, in words, with its age.'),
  node: orNull(Text, 'Null if the cause is about no single node.'),
  disk: orNull(Text, 'Null if the cause is about no single disk.'),
  diskUUID: orNull(Text, 'Null if the cause is about no single disk.'),
  image: orNull(Text, 'Null if the cause is about no backing image.'),
  since: orNull(time('RFC 3339.'), 'Since when the guard knows of it. Null where nothing tells.'),
  until: orNull(time('RFC 3339.'), 'When time alone ends it. Null where something has to happen.'),
  progress: orNull(
    Type.Number(),
    'How much of the copy is there that has to be ready first, in percent. Null where no copy is being made.',
  ),
})

const WaitingStatusSchema = Type.Object({
  change: text('What the request does, in words: evicting disk-2 of node-1.'),
  object: Type.Object({ kind: Text, name: Text }),
  user: text('Who asked.'),
  door: text('Where it came in: webhook, proxy-kubernetes or proxy-longhorn.'),
  since: time('When its user first asked, retries included.'),
  until: time('When it is answered at the latest. Its client is told to retry then.'),
  causes: Type.Array(WaitingCauseSchema, { description: 'The first of what stands against it.' }),
  moreCauses: Type.Integer({ minimum: 0, description: 'How many causes are left out.' }),
  nodes: Type.Array(Text, { description: 'The nodes that it is about, the first few.' }),
  replica: text('The replica that holds it.'),
})

/** JSON Schema of the output of `holdfast status -o json`. */
export const StatusSchema = Type.Object(
  {
    apiVersion,
    kind: Type.Literal('Status'),
    observedAt: time('RFC 3339, by the clock of the machine that ran the command.'),
    longhorn: Type.Object({
      release: orNull(Text, 'As in Setting current-longhorn-version. Null if it is not known.'),
      configured: orNull(
        Text,
        'The release that the guard is configured to judge by. Null if it takes the running one, if its replicas differ, or if they cannot be asked.',
      ),
      profile: oneOf(
        profiles,
        'What the release does when an eviction meets a clean-up: the configured one, if there is one.',
      ),
      assumed: Type.Boolean({
        description:
          'True if the behaviour is assumed: the worst if the release is not known or names none, that of the newest known line if it is newer.',
      }),
    }),
    waiting: orNull(
      Type.Array(WaitingStatusSchema),
      'The requests that wait in the guard. Null if its replicas cannot be asked.',
    ),
    nodes: Type.Array(NodeStatusSchema),
    nodesLeftOut: Type.Integer({ minimum: 0, description: 'How many nodes --only-affected has left out.' }),
    pendingCleanups: Type.Array(PendingStatusSchema),
    lostAfter: Type.Object(
      { ms: Count, from: oneOf(['guard', 'default'], 'Whether the guard says so, or it is the default.') },
      { description: 'When a disk counts as lost, in milliseconds.' },
    ),
    imagesNowhere: Type.Array(
      Type.Object({
        image: Text,
        sourceType: text('How the image was made: download, upload, …'),
        copies: Type.Array(
          Type.Object({
            diskUUID: Text,
            node: Node,
            disk: Disk,
            state: Text,
            why: orNull(
              Text,
              'Why the disk counts as lost. Null if no node has it, or the copy is not usable.',
            ),
          }),
          { description: 'Where Longhorn looks for the image.' },
        ),
      }),
      { description: 'Images without a usable copy on any disk that a node has, of all nodes.' },
    ),
    sharedDisks: Type.Array(
      Type.Object({ diskUUID: Text, owners: Type.Array(Type.Object({ node: Text, disk: Text })) }),
      { description: 'UUIDs that disks of several nodes have.' },
    ),
    reservations: orNull(Type.Array(ReservationStatusSchema), 'Null if the Leases cannot be read.'),
    guard: orNull(
      Type.Array(
        Type.Object({
          replica: Text,
          version: Text,
          synced: Type.Boolean({ description: 'True once the replica has read every Longhorn object.' }),
          mode: orNull(
            oneOf(['enforce', 'warn', 'off', 'mixed'], 'The mode of all its rules; mixed if they differ.'),
            'Null for a replica of an older version.',
          ),
          release: orNull(
            Text,
            'The release that it is configured to judge by. Null if it takes the running one.',
          ),
          holds: Type.Integer({ minimum: 0, description: 'Requests that wait in this replica.' }),
        }),
      ),
      'The replicas of the guard. Null if they cannot be asked.',
    ),
  },
  { $id: 'holdfast.dev/v1/Status', title: 'What holdfast status shows' },
)

const SnapshotItemSchema = Type.Object({
  apiVersion: Type.Literal('longhorn.io/v1beta2'),
  kind: oneOf(Object.keys(kinds), 'A kind of Longhorn that decisions depend on.'),
  metadata: Type.Object({
    name: Text,
    namespace: Text,
    uid: Type.Optional(Text),
    resourceVersion: Type.Optional(Text),
    generation: Type.Optional(Count),
    deletionTimestamp: Type.Optional(
      time('Set if the object is being deleted. The time itself is not kept.'),
    ),
    annotations: Type.Optional(
      Type.Record(Text, Text, { description: 'Those that decisions depend on, and no other.' }),
    ),
  }),
  spec: Type.Optional(Type.Object({}, { description: 'The fields that decisions depend on.' })),
  status: Type.Optional(Type.Object({}, { description: 'The fields that decisions depend on.' })),
  value: Type.Optional(text('The value of a Setting.')),
})

/** JSON Schema of the output of `holdfast snapshot`. */
export const SnapshotSchema = Type.Object(
  {
    apiVersion,
    kind: Type.Literal('Snapshot'),
    takenAt: time('RFC 3339.'),
    kinds: Type.Optional(
      Type.Array(Type.String(), {
        description: 'The kinds that were read. If no item is of one of them, the cluster has no such object',
      }),
    ),
    items: Type.Array(SnapshotItemSchema),
  },
  { $id: 'holdfast.dev/v1/Snapshot', title: 'The facts of a cluster that decisions need' },
)

const Cleanups = Type.Array(
  Type.Object({
    image: Text,
    diskUUID: Text,
    state: Text,
    since: Type.Number({
      description: 'Milliseconds by a clock of this process, to compare with each other only.',
    }),
  }),
)

/** A step of `holdfast evict`. @param rest its additional fields */
function step<const S extends string, P extends Record<string, TSchema>>(
  name: S,
  description: string,
  rest: P,
) {
  return Type.Object(
    {
      apiVersion,
      kind: Type.Literal('EvictionStep'),
      node: Text,
      disk: orNull(Text, 'Null if the whole node is emptied.'),
      step: Type.Literal(name),
      ...rest,
    },
    { description },
  )
}

/** JSON Schema of each document that `holdfast evict -o json` prints. */
export const EvictionStepSchema = Type.Union(
  [
    step('wait-for-cleanup', 'Clean-ups have to end before the flag may go up.', { cleanups: Cleanups }),
    step('wait-for-notice', 'Longhorn may not have noticed yet that a clean-up or a flag is over.', {
      of: oneOf(['clean-up', 'flag'], 'What is over.'),
      until: Type.Number({ description: 'Milliseconds by a clock of this process.' }),
    }),
    step('wait-for-room', 'The budget of the guard has no room for another eviction.', {
      problems: Type.Array(Text),
    }),
    step('take-over', 'Holdfast takes the note of a rescue away, since this eviction takes its place.', {}),
    step('close', 'Nothing is left, and Holdfast closes the target for scheduling.', {}),
    step('raise', 'Holdfast closes the disks for scheduling and raises the flag.', {}),
    step('wait-for-replicas', 'Longhorn moves these replicas away.', { replicas: Type.Array(Text) }),
    step('wait-for-copies', 'Longhorn makes copies of these images elsewhere.', { images: Type.Array(Text) }),
    step('retreat', 'A clean-up has met the flag, so Holdfast clears the flag until the clean-up ends.', {
      cleanups: Cleanups,
    }),
    step('lower', 'Holdfast clears the flag, so that copies are removed without one.', {}),
    step('wait-for-removal', 'Longhorn removes the copies of these images.', { images: Type.Array(Text) }),
    step('clear', 'The node is empty, and Holdfast takes its flag down, so that another may go up.', {}),
    step('done', 'No replica and no copy is left.', {}),
    step('wait-for-drain', 'The node is empty, and a person has to drain it with kubectl.', {
      cordoned: Type.Boolean({ description: 'False while the Kubernetes node takes new pods.' }),
      pods: Type.Array(Text, { description: 'The pods that are left, with their namespace.' }),
    }),
    step('drained', 'No pod is left but those that a drain leaves.', {}),
    step('impossible', 'The eviction cannot be carried out.', { problems: Type.Array(Text) }),
  ],
  { $id: 'holdfast.dev/v1/EvictionStep', title: 'A step of holdfast evict' },
)
