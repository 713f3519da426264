import { setTimeout } from 'node:timers/promises'
import { ApiError, type ClusterClient, type ClusterObject, type ResourceName } from '../cluster-client.ts'
import { resources } from '../controllers/resources.ts'
import { entries, flag, object } from '../json.ts'

/** How long a conflict is retried, as in the manager (longhorn.md §3). */
const conflictMs = 5_000

/** The fields of a disk that Go unmarshals. The UI sends back the whole disk, status included. */
const diskFields = [
  'path',
  'diskType',
  'diskDriver',
  'allowScheduling',
  'evictionRequested',
  'storageReserved',
  'tags',
]

/** Retries after a 429, as in client-go. */
const maxWaits = 10

/** The writes of Longhorn's REST API (longhorn.md §5), done as in its manager. */
export class RestWrites {
  readonly #client: ClusterClient
  readonly #namespace: string

  /** @param client of Longhorn's own service account */
  constructor(client: ClusterClient, namespace: string) {
    this.#client = client
    this.#namespace = namespace
  }

  /** Longhorn does not merge: a missing field clears. */
  async updateNode(name: string, body: unknown): Promise<ClusterObject> {
    const { allowScheduling, evictionRequested, tags } = object(body)
    const wanted = {
      allowScheduling: flag(allowScheduling),
      evictionRequested: flag(evictionRequested),
      tags: tags ?? [],
    }
    if (wanted.evictionRequested && wanted.allowScheduling) {
      throw new RestError(
        500,
        `unable to update node ${name}: need to disable scheduling before requesting eviction`,
      )
    }
    return await this.#edit(resources.Node, name, (spec) => ({ ...spec, ...wanted }))
  }

  /** Longhorn replaces all disks: one that is left out is removed. */
  async updateDisks(name: string, body: unknown): Promise<ClusterObject> {
    const disks = entries(object(body).disks)
    for (const [disk, wanted] of disks) {
      const { allowScheduling, evictionRequested } = wanted
      if (flag(evictionRequested) && flag(allowScheduling)) {
        throw new RestError(500, `need to disable scheduling of disk ${disk} before requesting eviction`)
      }
    }
    return await this.#edit(resources.Node, name, (spec) => {
      for (const [disk, there] of entries(spec.disks)) {
        if (!disks.has(disk) && flag(there.allowScheduling)) {
          throw new RestError(500, `Delete Disk on node ${name} error: Please disable the disk ${disk} first`)
        }
      }
      return {
        ...spec,
        disks: Object.fromEntries([...disks].map(([disk, wanted]) => [disk, diskOf(wanted)])),
      }
    })
  }

  /** Longhorn skips UUIDs without a copy. */
  async cleanUp(name: string, body: unknown): Promise<ClusterObject> {
    const { disks } = object(body)
    const uuids = new Set(Array.isArray(disks) ? disks : [])
    return await this.#edit(resources.BackingImage, name, (spec) => {
      const kept = [...entries(spec.diskFileSpecMap)].filter(([uuid]) => !uuids.has(uuid))
      return { ...spec, diskFileSpecMap: Object.fromEntries(kept) }
    })
  }

  async updateMinNumberOfCopies(name: string, body: unknown): Promise<ClusterObject> {
    const { minNumberOfCopies } = object(body)
    return await this.#edit(resources.BackingImage, name, (spec) => ({ ...spec, minNumberOfCopies }))
  }

  async delete(resource: ResourceName, name: string): Promise<void> {
    await this.#write(async () => {
      await this.#client.delete(resource, this.#namespace, name)
    })
  }

  async #edit(
    resource: ResourceName,
    name: string,
    change: (spec: Readonly<Record<string, unknown>>) => object,
  ): Promise<ClusterObject> {
    return await this.#write(async () => {
      const newest = await this.#client.get(resource, this.#namespace, name)
      if (!newest) throw new RestError(404, `${resource.plural} ${name} not found`)
      return await this.#client.update(resource, { ...newest, spec: change(object(newest.spec)) })
    })
  }

  /** @throws RestError with the API server's own text */
  async #write<T>(write: () => Promise<T>): Promise<T> {
    const end = performance.now() + conflictMs
    for (let waits = 0; ;) {
      try {
        return await write()
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        const { code, message, details = {} } = error.status
        if (code === 409 && performance.now() < end) continue
        if (code === 429 && waits < maxWaits) {
          waits += 1
          await setTimeout(Number(details.retryAfterSeconds ?? 1) * 1_000)
          continue
        }
        throw new RestError(code === 404 ? 404 : 500, message)
      }
    }
  }
}

function diskOf(wanted: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(diskFields.flatMap((name) => (name in wanted ? [[name, wanted[name]]] : [])))
}

/** Thrown by a failed call of Longhorn's REST API. */
export class RestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'RestError'
    this.status = status
  }
}

const codes: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  500: 'Internal Server Error',
}

/** The body of an error as Longhorn writes it; its UI shows `message` (longhorn.md §5). */
export function errorBody(status: number, message: string): object {
  const code = codes[status] ?? 'Internal Server Error'
  return { type: 'error', links: {}, actions: {}, status, code, message, detail: '' }
}

/** The prefix of links in an answer: `http://longhorn.example`. */
export type Origin = string

/** A collection, which names its type even if it is empty. */
export function collection(type: 'node' | 'backingImage', data: readonly object[], self: string): object {
  return { type: 'collection', resourceType: type, links: { self }, data, actions: {} }
}

/** A node, with spec and status of its disks merged. */
export function restNode({ metadata: { name }, spec, status }: ClusterObject, origin: Origin): object {
  const self = `${origin}/v1/nodes/${name}`
  const { allowScheduling = false, evictionRequested = false, tags = [], disks } = object(spec)
  const diskStatus = entries(object(status).diskStatus)
  const merged = [...entries(disks)].map(
    ([disk, wanted]) => [disk, { ...wanted, ...diskStatus.get(disk) }] as const,
  )
  return {
    id: name,
    type: 'node',
    name,
    links: { self },
    actions: { diskUpdate: `${self}?action=diskUpdate` },
    allowScheduling,
    evictionRequested,
    tags,
    conditions: object(status).conditions ?? [],
    disks: Object.fromEntries(merged),
  }
}

/**
 * A backing image. Its `diskFileStatusMap` is a union of spec and status, so it does not show pending
 * clean-ups (longhorn.md §5).
 */
export function restImage({ metadata: { name }, spec, status }: ClusterObject, origin: Origin): object {
  const self = `${origin}/v1/backingimages/${name}`
  const { minNumberOfCopies = 1, sourceType = '', diskFileSpecMap } = object(spec)
  const planned = [...entries(diskFileSpecMap)].map(
    ([uuid]) => [uuid, { state: 'pending', progress: 0, message: '' }] as const,
  )
  const files = Object.fromEntries([...planned, ...entries(object(status).diskFileStatusMap)])
  return {
    id: name,
    type: 'backingImage',
    name,
    links: { self },
    actions: {
      backingImageCleanup: `${self}?action=backingImageCleanup`,
      updateMinNumberOfCopies: `${self}?action=updateMinNumberOfCopies`,
    },
    minNumberOfCopies,
    sourceType,
    diskFileStatusMap: files,
  }
}
