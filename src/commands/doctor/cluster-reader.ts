import { Type } from 'typebox'
import { optional, type Parsed, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest } from '../../kubernetes/client/json-request.ts'
import type { Probe, Right } from './facts.ts'

/** The place of a resource's objects. */
interface Place {
  readonly group: string
  readonly version: string
  readonly plural: string
  /** Absent for cluster-scoped resources. */
  readonly namespace?: string
}

const parseList = parser(
  Type.Object({ items: optional(Type.Array(Type.Unknown())) }),
  (raw) => raw.items ?? [],
)
const parseResources = parser(
  Type.Object({ resources: optional(Type.Array(Type.Object({ name: Type.String() }))) }),
  (raw) => (raw.resources ?? []).map(({ name }) => name),
)
const parseReview = parser(
  Type.Object({ status: Type.Object({ allowed: optional(Type.Boolean()) }) }),
  ({ status }) => status.allowed ?? false,
)

/** Reads single objects of a cluster. Failures are results too. */
export class ClusterReader {
  readonly #connection: Connection
  readonly #signal: AbortSignal

  constructor(connection: Connection, signal: AbortSignal) {
    this.#connection = connection
    this.#signal = signal
  }

  /** One object; undefined if it does not exist. */
  async object<T>(
    place: Place & { readonly name: string },
    parse: (raw: unknown) => Parsed<T>,
  ): Promise<Probe<T | undefined>> {
    const path = `${pathOf(place)}/${encodeURIComponent(place.name)}`
    try {
      return read(parse(await this.#ask({ method: 'GET', path })), `${place.plural} ${place.name}`)
    } catch (error) {
      const missing = error instanceof ApiFailure && error.code === 404
      // Is the object missing, or the whole resource?
      return missing && (await this.#isServed(place)) ? { seen: undefined } : this.#problem(error)
    }
  }

  /** All objects with these labels. */
  async list<T>(
    place: Place & { readonly labelSelector: string },
    parse: (raw: unknown) => Parsed<T>,
  ): Promise<Probe<readonly T[]>> {
    const query = place.labelSelector === '' ? {} : { labelSelector: place.labelSelector }
    try {
      const list = parseList(await this.#ask({ method: 'GET', path: pathOf(place), query }))
      if (!list.ok) return read(list, place.plural)
      const items: T[] = []
      for (const raw of list.value) {
        const item = parse(raw)
        if (!item.ok) return read(item, place.plural)
        items.push(item.value)
      }
      return { seen: items }
    } catch (error) {
      return this.#problem(error)
    }
  }

  /** Asks whether a user has a right. */
  async isAllowed({ verb, group, resource, namespace, name }: Right, user: string): Promise<Probe<boolean>> {
    const json = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user,
        groups: groupsOf(user),
        resourceAttributes: { verb, group, resource, namespace, name },
      },
    }
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
    try {
      return read(parseReview(await this.#ask({ method: 'POST', path, json })), 'the SubjectAccessReview')
    } catch (error) {
      return this.#problem(error)
    }
  }

  async #isServed({ group, version, plural }: Place): Promise<boolean> {
    try {
      const names = parseResources(await this.#ask({ method: 'GET', path: rootOf(group, version) }))
      return names.ok && names.value.includes(plural)
    } catch (error) {
      if (error instanceof ApiFailure) return false
      throw error
    }
  }

  async #ask(request: Omit<Parameters<typeof jsonRequest>[1], 'signal'>): Promise<unknown> {
    // A separate signal: so many requests on one signal would look like a leak of listeners.
    const signal = AbortSignal.any([this.#signal])
    return await jsonRequest(this.#connection, { ...request, signal })
  }

  #problem(error: unknown): { readonly problem: string } {
    if (this.#signal.aborted) throw error
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/** The API server asks its authorizers with the given groups, and a service account belongs to these. */
function groupsOf(user: string): string[] {
  const namespace = user.split(':')[2] ?? ''
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}

function pathOf({ group, version, plural, namespace }: Place): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${rootOf(group, version)}${within}/${plural}`
}

function rootOf(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

function read<T>(parsed: Parsed<T>, what: string): Probe<T> {
  return parsed.ok ? { seen: parsed.value } : { problem: `${what} cannot be read: ${parsed.problem}.` }
}
