import { randomUUID } from 'node:crypto'
import { fieldOf, isJsonObject, type JsonObject, sameJson } from '../../json/schema.ts'
import { jsonPatch, mergePatch } from '../../json/patch.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { Actor, JudgedKind } from '../../rules/change.ts'
import { nearest } from '../../configuration/layer.ts'
import { type ClusterState, nameOf } from './cluster-state.ts'
import { kindFound } from './documents.ts'
import { unknownFields } from './known-fields.ts'
import { missesOf } from './misses.ts'

/** Options for reading a manifest. */
type ManifestMode = 'apply' | 'replace'

/** A patch and its target. */
export interface PatchProposal {
  readonly kind: JudgedKind
  readonly name: string
  readonly type: 'merge' | 'json'
  readonly patch: unknown
}

/** A proposed change: a review to answer, or the reason why there is none. */
export type Proposal =
  | {
      readonly outcome: 'review'
      readonly review: unknown
      readonly what: string
      /** The parts that the API server would drop or warn of, one sentence each. */
      readonly doubts: readonly string[]
      /** Probable mistakes that the API server would accept. */
      readonly misses?: readonly string[]
    }
  | { readonly outcome: 'not-judged'; readonly what: string }
  | { readonly outcome: 'unusable'; readonly what: string; readonly problem: string }

/** The user and the namespace of the request. */
interface ProposalContext {
  readonly state: ClusterState
  readonly actor: Actor
  readonly mode: ManifestMode
}

/** The API server's review for a document of a file. */
export function proposalOf(document: JsonObject, context: ProposalContext): Proposal {
  if (document.kind === 'AdmissionReview') {
    return { outcome: 'review', review: document, what: whatIsReviewed(document), doubts: [] }
  }
  const found = kindFound(document.apiVersion, document.kind)
  const name = nameOf(document)
  if (found.is !== 'judged') {
    const its = typeof document.kind === 'string' ? document.kind : 'an object without kind'
    const what = `${its} ${name}`.trim()
    return found.is === 'other'
      ? { outcome: 'not-judged', what }
      : { outcome: 'unusable', what, problem: found.problem }
  }
  const { kind } = found
  const what = `${kind} ${name}`
  if (name === '') return { outcome: 'unusable', what: kind, problem: 'it has no metadata.name' }
  const before = context.state.raw(kind, name)
  if (!before) return reviewOf(kind, name, undefined, document, context.actor)
  const after = context.mode === 'replace' ? replaced(before, document) : applied(before, document)
  if (!isJsonObject(after)) return { outcome: 'unusable', what, problem: 'it is not an object' }
  return reviewOf(kind, name, before, withStatusOf(before, after), context.actor)
}

/** The API server's review for a patch. */
export function patchProposal(
  { kind, name, type, patch }: PatchProposal,
  context: ProposalContext,
): Proposal {
  const what = `${kind} ${name}`
  const before = context.state.raw(kind, name)
  if (!before) return { outcome: 'unusable', what, problem: 'the object to patch does not exist' }
  if (type === 'merge' && !isJsonObject(patch))
    return { outcome: 'unusable', what, problem: 'the patch is not an object; a list goes with --type json' }
  const patched =
    type === 'merge' ? { ok: true as const, value: mergePatch(before, patch) } : jsonPatch(before, patch)
  if (!patched.ok) return { outcome: 'unusable', what, problem: patched.problem }
  const after = patched.value
  if (!isJsonObject(after))
    return { outcome: 'unusable', what, problem: 'the result of the patch is not an object' }
  const renamed = identity.find((field) => !sameJson(valueAt(before, field), valueAt(after, field)))
  if (renamed !== undefined) {
    const problem = `the patch changes ${renamed.join('.')}, which the API server rejects`
    return { outcome: 'unusable', what, problem }
  }
  const stored = withStatusOf(before, after)
  return {
    ...reviewOf(kind, name, before, stored, context.actor),
    misses: missesOf({ kind, name, before, after: stored }, context.state.map),
  }
}

/** The fields that no write to an object changes. */
const identity = [
  ['apiVersion'],
  ['kind'],
  ['metadata', 'name'],
  ['metadata', 'namespace'],
  ['metadata', 'uid'],
]

const valueAt = (object: JsonObject, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => fieldOf(value, name), object)

/** Status has its own subresource: a write to the object leaves it unchanged. */
function withStatusOf(before: JsonObject, after: JsonObject): JsonObject {
  const { status } = before
  return { ...after, ...(status === undefined ? {} : { status }) }
}

function reviewOf(
  kind: JudgedKind,
  name: string,
  before: JsonObject | undefined,
  after: JsonObject,
  { username, groups }: Actor,
): Extract<Proposal, { readonly outcome: 'review' }> {
  const operation = before ? 'UPDATE' : 'CREATE'
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group, version, kind },
      resource: { group, version, resource: kinds[kind].plural },
      name,
      operation,
      userInfo: { username, groups },
      object: after,
      ...(before ? { oldObject: before } : {}),
      dryRun: true,
    },
  }
  return {
    outcome: 'review',
    review,
    what: `${operation} of ${kind} ${name}`,
    doubts: doubtsOf(kind, before, after),
  }
}

/**
 * In the API server's own words, with the probable intention. A field of a newer definition than this list
 * appears in the stored object.
 */
function doubtsOf(kind: JudgedKind, before: JsonObject | undefined, after: JsonObject): string[] {
  // The definition of v1beta1 keeps every field.
  if (after.apiVersion === `${group}/v1beta1`) return []
  const stored = new Set(before ? unknownFields(kind, before).map(({ path }) => path) : [])
  return unknownFields(kind, after)
    .filter(({ path }) => !stored.has(path))
    .map(({ path, name, known }) => {
      const meant = nearest(name, known)
      return `unknown field "${path}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`
    })
}

function whatIsReviewed({ request }: JsonObject): string {
  if (!isJsonObject(request)) return 'AdmissionReview'
  const { operation, kind, name, oldObject, object } = request
  const of = isJsonObject(kind) && typeof kind.kind === 'string' ? kind.kind : 'an object'
  const named = [oldObject, object].flatMap((each) => (isJsonObject(each) ? nameOf(each) : []))
  return `${String(operation)} of ${of} ${typeof name === 'string' && name !== '' ? name : (named[0] ?? '')}`.trim()
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * The result of `kubectl apply`: fields of the manifest are set, fields that only the last applied manifest
 * has are removed, others stay. Status is not applied.
 */
export function applied(current: JsonObject, manifest: JsonObject): unknown {
  const last = lastApplied(current)
  const wanted = Object.fromEntries(Object.entries(manifest).filter(([key]) => key !== 'status'))
  return mergePatch(mergePatch(current, last === undefined ? {} : removals(last, wanted)), wanted)
}

/** The result of `kubectl replace`: everything except status and the API server's own fields. */
export function replaced(current: JsonObject, manifest: JsonObject): JsonObject {
  const kept = isJsonObject(current.metadata) ? current.metadata : {}
  const given = isJsonObject(manifest.metadata) ? manifest.metadata : {}
  const { uid, resourceVersion, creationTimestamp, deletionTimestamp } = kept
  const metadata = { ...given, uid, resourceVersion, creationTimestamp, deletionTimestamp }
  return { ...manifest, metadata, ...('status' in current ? { status: current.status } : {}) }
}

function lastApplied(current: JsonObject): JsonObject | undefined {
  const annotations = isJsonObject(current.metadata) ? current.metadata.annotations : undefined
  const text = isJsonObject(annotations) ? annotations[lastAppliedAnnotation] : undefined
  if (typeof text !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    // kubectl itself would fail here; check still judges the manifest.
    return undefined
  }
}

/** A merge patch that removes the fields of `last` that `wanted` lacks. */
function removals(last: JsonObject, wanted: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(last).flatMap(([key, value]): [string, unknown][] => {
      if (key === 'status') return []
      if (!Object.hasOwn(wanted, key)) return [[key, null]]
      const other = wanted[key]
      return isJsonObject(value) && isJsonObject(other) ? [[key, removals(value, other)]] : []
    }),
  )
}
