import { Type } from 'typebox'
import { absentMap, type Parsed, parser } from '../../json/schema.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../client/json-request.ts'

/**
 * The Lease in Longhorn's namespace that says in which namespace the book of reservations is. Every door knows
 * Longhorn's namespace, whoever started it and wherever it runs, so all doors of a cluster find the same book.
 */
export const anchorName = 'holdfast-book'

/** The annotation that names the namespace. */
const namespaceAnnotation = 'holdfast.dev/book-namespace'

/** Where the anchor is. */
export interface AnchorPlace {
  readonly connection: Connection
  readonly longhornNamespace: string
  /** How long each answer may take, in milliseconds; a sign-in before it has a limit of its own. */
  readonly answerMs?: number
}

/** So often the anchor may be deleted between a failed create and the read after it. */
const attempts = 3

const parseAnchor = parser(
  Type.Object({ metadata: Type.Object({ annotations: absentMap(Type.String()) }) }),
  (raw) => raw,
)

/** The path of the Leases that the anchor is one of. */
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
 * Reads in which namespace the book is, past every cache.
 *
 * @returns undefined while no door has said so
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function readAnchor(place: AnchorPlace, signal: AbortSignal): Promise<string | undefined> {
  const path = `${anchorCollection(place.longhornNamespace)}/${anchorName}`
  const request = { method: 'GET', path, signal, ...limits(place) } as const
  const anchor = await unless(404, jsonRequest(place.connection, request))
  if (anchor === undefined) return undefined
  const namespace = bookNamespaceOf(anchor)
  if (namespace.ok) return namespace.value
  throw new MalformedAnswer(`${namespace.problem}. ${deleteAnchor(place.longhornNamespace)}`)
}

/**
 * Says in which namespace the book is, unless another door has said so before: only one of several can create it.
 *
 * @returns the namespace that holds from now on, whoever has named it
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
  throw new Error(`Lease ${anchorName} in ${place.longhornNamespace} is made and deleted again and again.`)
}

/** What a person does when no door uses the namespace that the anchor names any more. */
export function deleteAnchor(longhornNamespace: string): string {
  return `Once no guard and no proxy runs: kubectl delete lease ${anchorName} --namespace ${longhornNamespace}`
}

function limits({ answerMs }: AnchorPlace) {
  return answerMs === undefined ? {} : { headersTimeoutMs: answerMs, idleTimeoutMs: answerMs }
}

/** @returns undefined for a failure that is expected here */
async function unless(code: number, answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiFailure && error.code === code) return undefined
    throw error
  }
}
