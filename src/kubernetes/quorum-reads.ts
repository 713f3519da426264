import { Type } from 'typebox'
import type { QuorumReads } from '../gate/ports.ts'
import { optional, parser } from '../json/schema.ts'
import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import { group, type Kind, kinds, type ObjectOf, version } from '../longhorn/kinds.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import type { Node } from '../longhorn/node.ts'
import type { Replica } from '../longhorn/replica.ts'
import type { Connection } from './client/connection.ts'
import { ApiFailure } from './client/failures.ts'
import { jsonRequest, MalformedAnswer } from './client/json-request.ts'
import { ReplicaReads } from './replica-reads.ts'
import { SharedRead, SharedReads } from './shared-reads.ts'

const parseList = parser(
  Type.Object({ items: optional(Type.Array(Type.Unknown())) }),
  (raw) => raw.items ?? [],
)

/**
 * Reads Longhorn's objects past every cache: without a resourceVersion the API server asks etcd itself, or
 * waits until its cache has caught up. Lists come in one piece, since each page would be a round trip.
 */
export class ApiReads implements QuorumReads {
  readonly #connection: Connection
  readonly #namespace: string
  /** Shared, since whole lists are expensive, and many decisions at once waited for each other's. */
  readonly #images = new SharedRead((signal) => this.#list('BackingImage', signal))
  readonly #dataSources = new SharedRead((signal) => this.#list('BackingImageDataSource', signal))
  readonly #nodes = new SharedRead((signal) => this.#list('Node', signal))

  /** Shared, since all requests that one change releases ask for the same node. */
  readonly #eachNode = new SharedReads<Node | undefined>()
  readonly #eachMetadata = new SharedReads<Metadata | undefined>()
  readonly #replicas = new ReplicaReads((labelSelector, signal) =>
    this.#list('Replica', signal, { labelSelector }),
  )

  /** @param namespace Longhorn's */
  constructor(connection: Connection, namespace: string) {
    this.#connection = connection
    this.#namespace = namespace
  }

  async images(signal: AbortSignal): Promise<readonly BackingImage[]> {
    return await this.#images.get(signal)
  }

  async dataSources(signal: AbortSignal): Promise<readonly BackingImageDataSource[]> {
    return await this.#dataSources.get(signal)
  }

  async nodes(signal: AbortSignal): Promise<readonly Node[]> {
    return await this.#nodes.get(signal)
  }

  async node(name: string, signal: AbortSignal): Promise<Node | undefined> {
    return await this.#eachNode.get(name, (signal) => this.#get('Node', name, signal), signal)
  }

  async dataSource(name: string, signal: AbortSignal): Promise<BackingImageDataSource | undefined> {
    return await this.#get('BackingImageDataSource', name, signal)
  }

  async replicas(
    image: string,
    elsewhere: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Replica[]> {
    return await this.#replicas.get(image, elsewhere, signal)
  }

  async metadata(kind: Kind, name: string, signal: AbortSignal): Promise<Metadata | undefined> {
    const read = async (signal: AbortSignal) => (await this.#get(kind, name, signal))?.metadata
    return await this.#eachMetadata.get(`${kind}/${name}`, read, signal)
  }

  /** Any of Longhorn's objects; undefined if it does not exist. @throws as the others */
  async object<K extends Kind>(kind: K, name: string, signal: AbortSignal): Promise<ObjectOf<K> | undefined> {
    return await this.#get(kind, name, signal)
  }

  async #list<K extends Kind>(
    kind: K,
    signal: AbortSignal,
    query?: Readonly<Record<string, string>>,
  ): Promise<ObjectOf<K>[]> {
    const path = this.#path(kind)
    const asked = { method: 'GET', path, signal, ...(query && { query }) } as const
    const list = parseList(await jsonRequest(this.#connection, asked))
    if (!list.ok) throw new MalformedAnswer(`The list of ${path} is malformed: ${list.problem}.`)
    return list.value.map((raw) => read(kind, raw))
  }

  async #get<K extends Kind>(kind: K, name: string, signal: AbortSignal): Promise<ObjectOf<K> | undefined> {
    const path = `${this.#path(kind)}/${encodeURIComponent(name)}`
    try {
      return read(kind, await jsonRequest(this.#connection, { method: 'GET', path, signal }))
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 404) return undefined
      throw error
    }
  }

  #path(kind: Kind): string {
    return `/apis/${group}/${version}/namespaces/${encodeURIComponent(this.#namespace)}/${kinds[kind].plural}`
  }
}

function read<K extends Kind>(kind: K, raw: unknown): ObjectOf<K> {
  const parsed = kinds[kind].parse(raw)
  if (!parsed.ok) throw new MalformedAnswer(`A ${kind} cannot be read: ${parsed.problem}.`)
  return parsed.value
}
