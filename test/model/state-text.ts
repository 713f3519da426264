import type { Phase } from './phase.ts'
import type { NumberedEntry } from './lease-store.ts'
import type { Replica } from './replica.ts'
import { watched, type ModelEvent, type ModelObject, type Store } from './store.ts'

/**
 * All facts that decide the future, as text: the stored objects, the knowledge and the pending deliveries of each
 * replica, its questions and answers, and how far each wish has come. Times are from now.
 */
export function stateText(
  store: Store,
  replicas: readonly Replica[],
  phases: readonly Phase[],
  now: number,
): string {
  const objects = [...store.objects()].map(textOf)
  const entries = [...store.allLeases()].map(([namespace, leases]) => [
    namespace,
    ...[...leases.entries()].map(shownEntry),
  ])
  const known = replicas.map((replica) => shownReplica(replica, store))
  return [objects, store.anchor, entries, known, phases.map((phase) => shownPhase(phase, now))]
    .map(String)
    .join('\n')
}

/** The questions of a replica, and how far each wish has come. */
export function doings(
  replicas: readonly Replica[],
  phases: readonly Phase[],
  id: number | undefined,
): string {
  const asked = replicas.find((replica) => replica.id === id)?.asking.operations ?? []
  let text = ''
  for (const { what } of asked) text += `${what}|`
  for (const { at } of phases) text += at
  return text
}

/** Nor do entries. */
const entryTexts = new WeakMap<NumberedEntry, string>()

/** An entry in a text, with the change that made it. */
export function shownEntry(entry: NumberedEntry): string {
  const known = entryTexts.get(entry)
  if (known !== undefined) return known
  const text = textOfEntry(entry)
  entryTexts.set(entry, text)
  return text
}

function textOfEntry({ entry, change }: NumberedEntry): string {
  const reservations = entry.reservations.map(
    ({ stamp, kind, name, resourceVersion, intent, disks, pinned, lastsMs }) =>
      `${stamp}:${kind}${name}${resourceVersion}${intent}${String(disks)}${pinned === true ? 'pinned' : ''}${lastsMs}`,
  )
  return `${entry.key}${change}${reservations.join()}${JSON.stringify(entry.marks)}`
}

function shownReplica(replica: Replica, store: Store): string {
  const asked = replica.asking.operations.map(({ what }) => what)
  return [
    replica.crashed,
    replica.process,
    replica.startedAgo,
    replica.doubt,
    behind(replica),
    replica.book.knows(),
    asked,
    replica.asking.history,
    queues(replica, store),
  ]
    .map(String)
    .join('|')
}

/** Objects never change once they are stored. */
const texts = new WeakMap<ModelObject, string>()

function textOf(object: ModelObject): string {
  const known = texts.get(object)
  if (known !== undefined) return known
  const text = shownObject(object)
  texts.set(object, text)
  return text
}

function shownObject(object: ModelObject): string {
  const { name, uid, resourceVersion, generation, override = '' } = object.metadata
  const which = `${name}${uid}v${resourceVersion}g${generation}${override}`
  switch (object.kind) {
    case 'Node': {
      const { spec, status } = object
      const { reason = '', since = '' } = status.notReady ?? {}
      const disks = [...spec.disks].map(([disk, { evictionRequested }]) => `${disk}${evictionRequested}`)
      const found = [...status.diskStatus].map(([disk, { diskUUID = '' }]) => disk + diskUUID)
      return `${which}${spec.evictionRequested}${disks.join()}/${found.join()}${reason}${since}`
    }
    case 'BackingImage':
      return `${which}${[...object.spec.diskFileSpecMap.keys()].join()}/${[...object.status.diskFileStatusMap].map(([uuid, { state }]) => uuid + state).join()}`
    case 'BackingImageDataSource':
      return `${which}${object.spec.diskUUID}${object.spec.fileTransferred}`
  }
}

function shownEvent({ object, gone }: ModelEvent): string {
  return gone ? `${textOf(object)} gone` : textOf(object)
}

function shownPhase(phase: Phase, now: number): string {
  switch (phase.at) {
    case 'reviewed':
      return `reviewed${phase.by}`
    case 'admitted':
      return `admitted${(phase.change.after ?? phase.change.before).metadata.resourceVersion}${phase.since - now}`
    case 'passing':
      return `passing${phase.proxied.by}${phase.since - now}`
    case 'answered':
      return `answered${phase.proxied.by}`
    case 'wished':
    case 'over':
      return phase.at
  }
}

function behind(replica: Replica): number[] {
  return watched.map((kind) => replica.behind(kind))
}

/** The pending deliveries of a replica, since the versions in between may differ by the past. */
function queues(replica: Replica, store: Store): string {
  return watched
    .flatMap((kind) =>
      store
        .events(kind)
        .slice(-replica.behind(kind) - 1)
        .map(shownEvent),
    )
    .join()
}
