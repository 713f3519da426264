import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The questions to the servers: a write that raises no danger, and a clean-up that the guard denies. */
export type Question = 'passes' | 'denied'

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

/** Longhorn's own account, which is never held: it is denied at once. */
const longhornAccount = 'system:serviceaccount:longhorn-system:longhorn-service-account'

/** A request of HTTP, whole but for the uid that each review has for itself. */
export class ReviewRequest {
  readonly #bytes: Buffer
  readonly #uidAt: number

  /** @param question what it asks @param asked the objects @param host of the server */
  constructor(question: Question, asked: Asked, host: string) {
    const uid = randomUUID()
    const body = JSON.stringify(question === 'passes' ? taggedNode(uid, asked) : removedCopy(uid, asked))
    const head = [
      'POST /validate?timeout=10s HTTP/1.1',
      `Host: ${host}`,
      'User-Agent: kube-apiserver-admission',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Accept: application/json',
      'Content-Type: application/json',
    ]
    this.#bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
    this.#uidAt = this.#bytes.indexOf(uid)
  }

  /** How large the body is, in bytes. */
  get size(): number {
    return this.#bytes.length
  }

  /** The request with this number as the end of its uid: a new buffer. */
  numbered(number: number): Buffer {
    const bytes = Buffer.from(this.#bytes)
    bytes.write(String(number % 1e12).padStart(12, '0'), this.#uidAt + 24, 'latin1')
    return bytes
  }
}

/** A node whose tags change. */
function taggedNode(uid: string, { node }: Asked): object {
  const recorded = managedFieldsOf('001-node-evict-update-nodes')
  const before = { ...node, metadata: { ...node.metadata, managedFields: recorded } }
  const after = { ...before, spec: { ...before.spec, tags: ['ssd'] } }
  return review(uid, 'Node', 'nodes', before, after, {
    username: 'kubernetes-admin',
    groups: ['system:masters', 'system:authenticated'],
  })
}

/** An image from which Longhorn itself removes a copy. */
function removedCopy(uid: string, { image, disk }: Asked): object {
  const recorded = managedFieldsOf('026-bi-cleanup-as-sa-update-backingimages')
  const before = { ...image, metadata: { ...image.metadata, managedFields: recorded } }
  const copies = Object.entries(image.spec.diskFileSpecMap ?? {}).filter(([uuid]) => uuid !== disk)
  const after = { ...before, spec: { ...before.spec, diskFileSpecMap: Object.fromEntries(copies) } }
  return review(uid, 'BackingImage', 'backingimages', before, after, {
    username: longhornAccount,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:longhorn-system', 'system:authenticated'],
  })
}

function review(
  uid: string,
  kind: string,
  resource: string,
  oldObject: Stored,
  object: Stored,
  userInfo: object,
): object {
  const version = { group: 'longhorn.io', version: 'v1beta2' }
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind: { ...version, kind },
      resource: { ...version, resource },
      requestKind: { ...version, kind },
      requestResource: { ...version, resource },
      name: oldObject.metadata.name,
      namespace: 'longhorn-system',
      operation: 'UPDATE',
      userInfo,
      object,
      oldObject,
      dryRun: false,
      options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  }
}

/** The field managers of a review that a real API server sent: half of such a body. */
function managedFieldsOf(recorded: string): unknown {
  const path = join(import.meta.dirname, '../test/fixtures/admission-reviews', `${recorded}.json`)
  const { request } = JSON.parse(readFileSync(path, 'utf8')) as {
    request: { oldObject: { metadata: { managedFields: unknown } } }
  }
  return request.oldObject.metadata.managedFields
}
