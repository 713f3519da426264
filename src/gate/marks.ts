import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/resource-version.ts'
import type { JudgedKind } from '../rules/change.ts'
import type { Reservation } from './reservation.ts'
import { keepsMarks, type Contents, type Marks, type Page } from './reservation-book.ts'
import { settledIn } from './settled.ts'

/** A reservation that is over, and the version of its object that shows what became of it; undefined if there is none. */
export interface Over {
  readonly reservation: Reservation
  readonly version: string | undefined
}

/** Those of a page of which the disk map shows what became of them. */
export function settledOn({ reservations }: Pick<Page, 'reservations'>, map: DiskMapView): Over[] {
  return reservations.flatMap((reservation) => {
    const version = settledIn(reservation, map)
    return version === undefined ? [] : [{ reservation, version }]
  })
}

/**
 * What edits of a page begin with. Nothing has left a page that does not exist, so nothing has to be seen. One that
 * exists without marks tells nothing, whatever is done to it later, until it is removed.
 */
export function toBeginWith(page: Page): Contents {
  return page.version === undefined && keepsMarks(page.key) ? { ...page, settled: {} } : page
}

/**
 * The page without what is over, and marked with what has to be seen to know what became of it. Of an object that is
 * gone there is nothing to be seen: without any marks the page tells nothing, and lists are read.
 */
export function withoutOver(
  key: string,
  { reservations, settled }: Contents,
  over: readonly Over[],
): Contents {
  const ended = new Set(over.map(({ reservation }) => reservation))
  const kept = reservations.filter((each) => !ended.has(each))
  if (!keepsMarks(key) || !settled || over.some(({ version }) => version === undefined))
    return { reservations: kept, settled: undefined }
  const seen = over.map(({ reservation, version }): Marks => ({ [reservation.kind]: version }))
  return { reservations: kept, settled: newest([settled, ...seen]) }
}

/** The newest version of each kind. */
export function newest(all: readonly Marks[]): Marks {
  const merged: Partial<Record<JudgedKind, string>> = {}
  for (const marks of all) {
    for (const kind of markedKinds) {
      const version = marks[kind]
      const known = merged[kind]
      if (version !== undefined && (known === undefined || isOlder(known, version))) merged[kind] = version
    }
  }
  return merged
}

/** The kinds of which marks are made. */
export const markedKinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const
