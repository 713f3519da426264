import { kinds } from '../../../src/longhorn/kinds.ts'
import type { JudgedKind } from '../../../src/rules/change.ts'

/** The parts that differ between reviews. */
export interface ReviewParts {
  readonly operation?: string
  readonly group?: string
  readonly resource?: string
  readonly subResource?: string
  readonly name?: string
  readonly before?: unknown
  readonly after?: unknown
  readonly dryRun?: boolean
  readonly username?: string
}

/** The uid of every review built here. */
export const uid = '4123da49-484e-4c14-8e6a-087c3b477801'

/** A review as the API server sends it: absent parts are null, `subResource` and `name` are left out. */
export function review(kind: JudgedKind, parts: ReviewParts) {
  const { operation = 'UPDATE', group = 'longhorn.io', resource = kinds[kind].plural } = parts
  const version = { group, version: 'v1beta2' }
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind: { ...version, kind },
      resource: { ...version, resource },
      ...(parts.subResource === undefined ? {} : { subResource: parts.subResource }),
      requestKind: { ...version, kind },
      requestResource: { ...version, resource },
      ...(parts.name === undefined ? {} : { name: parts.name }),
      namespace: 'longhorn-system',
      operation,
      userInfo: { username: parts.username ?? 'kubernetes-admin', groups: ['system:authenticated'] },
      object: parts.after ?? null,
      oldObject: parts.before ?? null,
      dryRun: parts.dryRun ?? false,
      options: {},
    },
  }
}

/** A Longhorn node as JSON. */
export function node(spec: unknown, metadata: object = {}) {
  return object('Node', 'n1', spec, metadata)
}

/** A backing image as JSON. */
export function image(spec: unknown, metadata: object = {}) {
  return object('BackingImage', 'ubuntu', spec, metadata)
}

/** A data source as JSON. */
export function dataSource(spec: unknown, metadata: object = {}) {
  return object('BackingImageDataSource', 'ubuntu', spec, metadata)
}

function object(kind: JudgedKind, name: string, spec: unknown, metadata: object) {
  return {
    apiVersion: 'longhorn.io/v1beta2',
    kind,
    metadata: { name, namespace: 'longhorn-system', ...metadata },
    spec,
  }
}
