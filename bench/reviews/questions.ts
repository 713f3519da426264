import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { review, uid } from '../../test/doors/webhook/review-builder.ts'
import { longhornAccount } from '../../test/fixtures/cluster.ts'
import type { Request } from '../contest/load.ts'

/** The questions to the servers: a write that raises no danger, and a clean-up that the guard denies. */
export const questions = ['passes', 'denied'] as const

/** One of them. */
export type Question = (typeof questions)[number]

/** A stored object, as far as the questions need it. */
export interface Stored {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: Readonly<Record<string, unknown>>
}

/** The objects that the questions are about, as the embedded cluster stores them. */
export interface Asked {
  /** A node on which nothing happens. */
  readonly node: Stored
  /** An image with a copy on a disk whose node is evicted. */
  readonly image: Stored
  /** The UUID of that disk. */
  readonly disk: string
}

/** A request of HTTP, whole but for the uid that each review has for itself. */
export class ReviewRequest implements Request {
  readonly #bytes: Buffer
  readonly #uidAt: number

  /** @param question what it asks @param asked the objects @param path of the webhook */
  constructor(question: Question, asked: Asked, path: string) {
    const body = JSON.stringify(question === 'passes' ? taggedNode(asked) : removedCopy(asked))
    const head = [
      `POST ${path}?timeout=10s HTTP/1.1`,
      'Host: localhost',
      'User-Agent: kube-apiserver-admission',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Accept: application/json',
      'Content-Type: application/json',
    ]
    this.#bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
    this.#uidAt = this.#bytes.indexOf(uid)
  }

  /** The request with this number as the end of its uid: a new buffer. */
  numbered(number: number): Buffer {
    const bytes = Buffer.from(this.#bytes)
    bytes.write(String(number % 1e12).padStart(12, '0'), this.#uidAt + 24, 'latin1')
    return bytes
  }
}

/** A node whose tags change. */
function taggedNode({ node }: Asked): object {
  const before = withManagedFields(node, '001-node-evict-update-nodes')
  return review('Node', { before, after: { ...before, spec: { ...before.spec, tags: ['ssd'] } } })
}

/** An image from which Longhorn itself removes a copy. */
function removedCopy({ image, disk }: Asked): object {
  const before = withManagedFields(image, '026-bi-cleanup-as-sa-update-backingimages')
  const copies = Object.entries(image.spec.diskFileSpecMap ?? {}).filter(([uuid]) => uuid !== disk)
  const after = { ...before, spec: { ...before.spec, diskFileSpecMap: Object.fromEntries(copies) } }
  return review('BackingImage', { before, after, username: longhornAccount.username })
}

function withManagedFields(object: Stored, recorded: string): Stored {
  return { ...object, metadata: { ...object.metadata, managedFields: managedFieldsOf(recorded) } }
}

/** The field managers of a review that a real API server sent: half of such a body. */
function managedFieldsOf(recorded: string): unknown {
  const path = join(import.meta.dirname, '../../test/fixtures/admission-reviews', `${recorded}.json`)
  const { request } = JSON.parse(readFileSync(path, 'utf8')) as {
    request: { oldObject: { metadata: { managedFields: unknown } } }
  }
  return request.oldObject.metadata.managedFields
}
