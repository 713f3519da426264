import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/resource-version.ts'
import type { Act } from '../rules/acts.ts'
import { evictedCopies } from '../rules/after-eviction.ts'
import type { Changes } from './changes.ts'
import { markedKinds, newest } from './marks.ts'
import type { Clock, Knowledge, QuorumReads } from './ports.ts'
import { keepsMarks, type Marks, type Page, type ReservationBook } from './reservation-book.ts'
import { onAbort } from './on-abort.ts'
import { freshMs } from './stale.ts'

/** A page on which something was reserved. */
export interface ReservedPage {
  /** As it was before: if nobody had written it, as it is now. Whatever happened to it until then has to be known. */
  readonly known: Page
  /** As it is now, with its marks. */
  readonly page: Page
}

/** What is asked whether the disk map will do. */
export interface OwnMapModules {
  readonly map: DiskMapView
  readonly knowledge: Knowledge
  readonly book: ReservationBook
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly changes: Changes
  readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>
}

/** Watches bring within milliseconds what another replica has seen, in milliseconds; a list takes longer than this. */
const catchUpMs = 500

/** What a watch brought last may be so much older than when it came: the API server's own cache lags, in milliseconds. */
const lagMs = 10_000

/** So many images are read one by one at most; for more of them one list is cheaper. */
const maxReads = 20

/**
 * True if the disk map shows all that is settled on the pages that an eviction has reserved, so that it can be judged on
 * that: whoever takes a reservation off a page marks it with the version to be seen. Waits shortly for a watch that has
 * not come so far. If it is false, what is stored has to be listed.
 */
export async function ownMapWillDo(
  acts: readonly Act[],
  pages: readonly ReservedPage[],
  modules: OwnMapModules,
  signal: AbortSignal,
): Promise<boolean> {
  const { knowledge, changes, clock } = modules
  if (pages.length === 0 || !acts.every(({ act }) => act === 'eviction')) return false
  const settled = pages.flatMap(({ page }) => page.settled ?? [])
  if (settled.length < pages.length) return false
  const marks = newest(settled)
  // The state of copies changes without any reservation.
  const isFresh = knowledge.ageMs('BackingImage') <= freshMs
  const present = isFresh ? {} : await versionsOfImages(acts, modules, signal)
  if (!present) return false
  const needed = newest([marks, present])
  const isSeen = () => progress(pages, needed, modules)
  const first = isSeen()
  if (first !== 'behind') return first === 'will do'
  return await new Promise<boolean>((resolve) => {
    const done = (is: boolean): void => {
      deafen()
      cancel()
      forget()
      resolve(is)
    }
    const giveUp = (): void => done(false)
    const deafen = changes.subscribe(() => {
      const now = isSeen()
      if (now !== 'behind') done(now === 'will do')
    })
    const cancel = clock.setTimer(catchUpMs, giveUp)
    const forget = onAbort(signal, giveUp)
  })
}

/**
 * True if the disk map shows all that evictions have done that met this change on its pages, and are settled. A disk can
 * be known on two nodes, a copied one for example; a map that has not heard of one of them lacks its flag too.
 */
export function nodesWillDo(
  pages: readonly ReservedPage[],
  { knowledge }: Pick<OwnMapModules, 'knowledge'>,
): boolean {
  return pages.every(
    ({ page: { key, settled } }) =>
      !keepsMarks(key) || (settled !== undefined && hasSeen(knowledge.seenUpTo('Node'), settled.Node)),
  )
}

function progress(
  pages: readonly ReservedPage[],
  needed: Marks,
  { knowledge, book, clock }: OwnMapModules,
): 'will do' | 'will not do' | 'behind' {
  const now = clock.monotonic()
  const provenAt = Math.min(...markedKinds.map((kind) => now - knowledge.ageMs(kind)))
  for (const { known } of pages) {
    const since = book.markedSince(known)
    if (since === undefined) return 'behind'
    // What left the page before that without a mark was committed before, and is in a map that is younger.
    if (provenAt < since + lagMs) return 'will not do'
  }
  return markedKinds.every((kind) => hasSeen(knowledge.seenUpTo(kind), needed[kind])) ? 'will do' : 'behind'
}

function hasSeen(seen: string | undefined, needed: string | undefined): boolean {
  return needed === undefined || (seen !== undefined && (seen === needed || isOlder(needed, seen)))
}

/**
 * The present versions of the images with a copy on the disks that are evicted; undefined where there are too many to
 * read, or one cannot be read.
 */
async function versionsOfImages(
  acts: readonly Act[],
  { map, reads }: OwnMapModules,
  signal: AbortSignal,
): Promise<Marks | undefined> {
  const names = new Set<string>()
  for (const act of acts) {
    if (act.act === 'eviction')
      for (const { image } of evictedCopies(act, map)) names.add(image.metadata.name)
  }
  if (names.size > maxReads) return undefined
  try {
    const read = await Promise.all([...names].map((name) => reads.metadata('BackingImage', name, signal)))
    return newest(read.map((metadata) => (metadata ? { BackingImage: metadata.resourceVersion } : {})))
  } catch {
    // Whoever lists instead tells what is wrong, if it still is.
    return undefined
  }
}
