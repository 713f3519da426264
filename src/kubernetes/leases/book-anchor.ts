import { Type } from 'typebox'
import { optionalMap, type Parsed, parser } from '../../json/schema.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../client/json-request.ts'

/**
 * The Lease in Longhorn's namespace that names the namespace of the book of reservations. Every door knows
 * Longhorn's namespace, however it was started and wherever it runs. So all doors of a cluster find the same
 * book.
 */
export const anchorName = 'holdfast-book'

/** The annotation that names the namespace. */
const namespaceAnnotation = 'holdfast.dev/book-namespace'

/** Where the anchor is. */
export interface AnchorPlace {
  readonly connection: Connection
  readonly longhornNamespace: string
  /** How long each answer may take, in milliseconds. A sign-in before it has a separate limit. */
  readonly answerMs?: number
}

/** How often the anchor may be deleted between a failed create and the next read. */
const attempts = 3

const parseAnchor = parser(
  Type.Object({ metadata: Type.Object({ annotations: optionalMap(Type.String()) }) }),
  (raw) => raw,
)

/** The path of the Leases in the anchor's namespace. */
export function anchorCollection(longhornNamespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(longhornNamespace)}/leases`
}

/** Reads from the anchor in which namespace the book is. */
export function bookNamespaceOf(raw: unknown): Parsed<string> {
  const anchor = parseAnchor(raw)
  if (!anchor.ok) return anchor
  const namespace = anchor.value.metadata.annotations?.[namespaceAnnotation]
  if (typeof namespace === 'string' && namespace !== '') return { ok: true, value: namespace }
  return { ok: false, problem: `Lease ${anchorName} has no annotation ${namespaceAnnotation}` }
}

/**
 * Reads the namespace of the book, past every cache.
 *
 * @returns undefined while no door has named one
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function readAnchor(place: AnchorPlace, signal: AbortSignal): Promise<string | undefined> {
  const path = `${anchorCollection(place.longhornNamespace)}/${anchorName}`
  const request = { method: 'GET', path, signal, ...limits(place) } as const
  const anchor = await unless(404, jsonRequest(place.connection, request))
  if (anchor === undefined) return undefined
  const namespace = bookNamespaceOf(anchor)
  if (namespace.ok) return namespace.value
  throw new MalformedAnswer(
    `${namespace.problem}. ${deleteAnchor('To set it again', place.longhornNamespace)}`,
  )
}

/**
 * Names the namespace of the book, unless another door has done so: only one of several can create the
 * anchor.
 *
 * @returns the namespace that counts from now on
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function makeAnchor(
  place: AnchorPlace,
  namespace: string,
  signal: AbortSignal,
): Promise<string> {
  const json = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: anchorName, annotations: { [namespaceAnnotation]: namespace } },
    spec: {},
  }
  const path = anchorCollection(place.longhornNamespace)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const request = { method: 'POST', path, json, signal, ...limits(place) } as const
    if ((await unless(409, jsonRequest(place.connection, request))) !== undefined) return namespace
    const found = await readAnchor(place, signal)
    if (found !== undefined) return found
  }
  throw new Error(`Lease ${anchorName} in ${place.longhornNamespace} is created and deleted again and again.`)
}

/**
 * The remedy if no door uses the namespace that the anchor names. A running door would make the
 * anchor again, and name its own namespace in it.
 *
 * @param purpose the first words of the sentence: `To set it again`
 */
export function deleteAnchor(purpose: string, longhornNamespace: string): string {
  return `${purpose}, stop every guard and proxy, and then: kubectl delete lease ${anchorName} --namespace ${longhornNamespace}`
}

function limits({ answerMs }: AnchorPlace) {
  return answerMs === undefined ? {} : { headersTimeoutMs: answerMs, idleTimeoutMs: answerMs }
}

/** @returns undefined for an expected failure */
async function unless(code: number, answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiFailure && error.code === code) return undefined
    throw error
  }
}
