import { Type } from 'typebox'
import { parser } from '../longhorn/parse.ts'
import type { Parsed } from '../longhorn/parsed.ts'
import { ClusterObjectSchema, withoutManagedFields, type ClusterObject } from './cluster-object.ts'

/** One event of a watch. */
export type WatchEvent =
  | { readonly type: 'upserted'; readonly object: ClusterObject; readonly resourceVersion: string }
  | { readonly type: 'deleted'; readonly name: string; readonly resourceVersion: string }
  /** Nothing changed up to this version: where to resume. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  /** The watch is over; the object is a Status. */
  | { readonly type: 'error'; readonly status: unknown }

const version = Type.Object({ resourceVersion: Type.String({ minLength: 1 }) })

const parseObjectEvent = parser(
  Type.Object({
    object: Type.Intersect([ClusterObjectSchema, Type.Object({ metadata: version })]),
  }),
  ({ object }) => object,
)
const parseBookmark = parser(
  Type.Object({ object: Type.Object({ metadata: version }) }),
  ({ object }): WatchEvent => ({ type: 'bookmark', resourceVersion: object.metadata.resourceVersion }),
)
const parseType = parser(
  Type.Object({ type: Type.String(), object: Type.Unknown() }),
  ({ type, object }) => ({ type, object }),
)

/** Reads one line of a watch. */
export function parseWatchEvent(line: string): Parsed<WatchEvent> {
  let raw: unknown
  try {
    raw = JSON.parse(line)
  } catch {
    return { ok: false, problem: `the line is no JSON: ${line.slice(0, 80)}` }
  }
  const event = parseType(raw)
  if (!event.ok) return event
  switch (event.value.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return objectEvent(event.value.type, raw)
    case 'BOOKMARK':
      return parseBookmark(raw)
    case 'ERROR':
      return { ok: true, value: { type: 'error', status: event.value.object } }
    default:
      return { ok: false, problem: `there is no event of type "${event.value.type}"` }
  }
}

function objectEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', raw: unknown): Parsed<WatchEvent> {
  const parsed = parseObjectEvent(raw)
  if (!parsed.ok) return parsed
  const { name, resourceVersion } = parsed.value.metadata
  if (type === 'DELETED') return { ok: true, value: { type: 'deleted', name, resourceVersion } }
  const object = withoutManagedFields(parsed.value)
  return { ok: true, value: { type: 'upserted', object, resourceVersion } }
}
