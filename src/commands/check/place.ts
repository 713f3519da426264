import type { FieldLines } from '../../text/field-lines.ts'

/** The file and line of a document, for formats that mark the line. */
export interface Place {
  /** The file as the user named it; undefined for standard input and for a patch in the command line. */
  readonly file: string | undefined
  /** The line on which the document begins, counted from 1; undefined if it has none. */
  readonly line: number | undefined
  /** The lines of the fields of the whole document; absent if it could not be read. */
  readonly fields?: FieldLines
  /** Where its object is in that document: `items[0]`; empty for the document itself. */
  readonly within?: string
}

/** A whole file, of which no line is known. */
export function wholeFile(file: string | undefined): Place {
  return { file, line: undefined }
}

/**
 * The line of a field of the object, or of the nearest field around it, or of the document.
 *
 * @param path from the object: `spec.disks.disk-1`
 */
export function lineOfField({ line, fields, within = '' }: Place, path: string): number | undefined {
  return fields?.lineOf([within, path].filter((part) => part !== '').join('.')) ?? line
}

/** The place of a part of the object: an item of a list, an object in a review. */
export function placeWithin(place: Place, part: string): Place {
  const { within = '' } = place
  return { ...place, within: within === '' ? part : `${within}.${part}` }
}
