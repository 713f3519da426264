import { type Clock, timestamp } from '../../time/clock.ts'
import type { Snapshot } from './cluster-view.ts'
import { type CopySlots, isInUse, replenishLimit } from './copy-placement.ts'
import { type DataSourceObject, type FileStatus, type ImageObject, isFirstFile } from './objects.ts'

/** How long file operations take. */
interface FileTimes {
  readonly copyMs: number
  readonly drainMs: number
}

/** The facts that decide the files of one image. */
interface FileContext {
  readonly snapshot: Snapshot
  readonly progress: Progress
  readonly times: FileTimes
  readonly slots: CopySlots
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * The current `status.diskFileStatusMap`: it follows spec, never the reverse. While its disk's backing image
 * manager is down, files neither come nor go: existing ones are `unknown`, and a clean-up stays pending
 * (longhorn.md §2).
 */
export function filesNow(image: ImageObject, context: FileContext): ReadonlyMap<string, FileStatus> {
  const source = context.snapshot.dataSources.get(image.name)
  const wanted = image.terminating ? [] : [...image.specs.keys()]
  const files = new Map<string, FileStatus>()
  // o5: the first file is in status before its key is in spec.
  const firstFile =
    source && !image.terminating && isFirstFile(source, source.diskUUID) ? [source.diskUUID] : []
  for (const uuid of new Set([...image.files.keys(), ...wanted, ...firstFile])) {
    const file = image.files.get(uuid)
    const next =
      isFirstFile(source, uuid) && !image.terminating
        ? firstFileNow(source, image.specs.has(uuid), file)
        : wanted.includes(uuid)
          ? copyNow(image, uuid, context)
          : drainNow(uuid, file, context)
    if (next) files.set(uuid, stamped(next, file, context.now))
  }
  context.slots.keepOnly(image.name, (uuid) => files.get(uuid)?.state === 'in-progress')
  return files
}

/** The current `status.diskLastRefAtMap`: since when each copy of spec is unused. */
export function unusedSinceNow(
  image: ImageObject,
  snapshot: Snapshot,
  now: number,
): ReadonlyMap<string, string> {
  const unused = [...image.specs.keys()].filter((uuid) => !isInUse(image, uuid, snapshot))
  return new Map(unused.map((uuid) => [uuid, image.unusedSince.get(uuid) ?? timestamp(now)]))
}

type Next = Pick<FileStatus, 'state' | 'progress' | 'message'>

function firstFileNow(
  source: DataSourceObject,
  isInSpec: boolean,
  file: FileStatus | undefined,
): Next | undefined {
  if (source.currentState === '') return file
  // The disk's manager takes over a finished file once spec asks for it.
  if (source.currentState === 'ready-for-transfer' && isInSpec) return plain('ready', 100)
  return plain(source.currentState, source.progress)
}

function copyNow(image: ImageObject, uuid: string, context: FileContext): Next | undefined {
  const file = image.files.get(uuid)
  if (!context.snapshot.runningDisks.has(uuid)) {
    const message = 'the backing image manager of the disk does not run'
    return file && { state: 'unknown', progress: file.progress, message }
  }
  switch (file?.state) {
    case undefined:
    case '':
    case 'pending':
    case 'starting':
    case 'in-progress':
      return copying(image, uuid, context)
    case 'unknown':
      return file.progress === 100 ? plain('ready', 100) : plain('pending', 0)
    default:
      return file
  }
}

/** A copy needs a ready one elsewhere as its source, and a slot on its node. */
function copying(image: ImageObject, uuid: string, { snapshot, progress, times, slots }: FileContext): Next {
  const node = snapshot.disks.get(uuid)?.node ?? ''
  // 0 switches replenishing off; Longhorn still makes a copy that a replica asks for.
  const limit = replenishLimit(snapshot) || Infinity
  if (!hasSource(image, uuid, snapshot) || !slots.take(image.name, uuid, node, limit))
    return plain('pending', 0)
  const share = progress(`copy to ${uuid}`, times.copyMs)
  // In steps, so that not every sync writes a new percentage.
  return share === 1 ? plain('ready', 100) : plain('in-progress', Math.floor(share * 4) * 25)
}

function hasSource(image: ImageObject, uuid: string, snapshot: Snapshot): boolean {
  return [...image.files].some(
    ([other, file]) => other !== uuid && file.state === 'ready' && snapshot.runningDisks.has(other),
  )
}

function drainNow(
  uuid: string,
  file: FileStatus | undefined,
  { snapshot, progress, times }: FileContext,
): Next | undefined {
  if (!file) return undefined
  if (!snapshot.runningDisks.has(uuid)) return { ...file, state: 'unknown' }
  return progress(`drain ${uuid}`, times.drainMs) === 1 ? undefined : file
}

function plain(state: string, progress: number): Next {
  return { state, progress, message: '' }
}

function stamped(next: Next, file: FileStatus | undefined, now: number): FileStatus {
  return {
    ...next,
    dataEngine: file?.dataEngine ?? 'v1',
    lastStateTransitionTime: file?.state === next.state ? file.lastStateTransitionTime : timestamp(now),
  }
}

/**
 * The progress of something that takes time: 0 at the first call, 1 once `ms` have passed.
 *
 * @param key its name, e.g. the disk of a copy
 */
export type Progress = (key: string, ms: number) => number

/**
 * Remembers since when operations have been in progress. A key that a round does not ask for has ended, and
 * starts again at its next call.
 */
export class Deadlines {
  readonly #clock: Clock
  #since = new Map<string, number>()
  #nextMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds from the last round until the next operation is complete; undefined without any. */
  get nextMs(): number | undefined {
    return this.#nextMs
  }

  /** Runs one round over all possible operations. */
  round<T>(work: (progress: Progress) => T): T {
    const now = this.#clock.now()
    const seen = new Map<string, number>()
    let nextMs: number | undefined
    const result = work((key, ms) => {
      const since = this.#since.get(key) ?? now
      seen.set(key, since)
      const leftMs = since + ms - now
      if (leftMs <= 0) return 1
      nextMs = Math.min(nextMs ?? leftMs, leftMs)
      return (now - since) / ms
    })
    this.#since = seen
    this.#nextMs = nextMs
    return result
  }
}
