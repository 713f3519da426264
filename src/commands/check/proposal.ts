import { randomUUID } from 'node:crypto'
import { fieldOf, isJsonObject, type JsonObject, sameJson } from '../../json/schema.ts'
import { jsonPatch, mergePatch } from '../../json/patch.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { Actor, JudgedKind } from '../../rules/change.ts'
import { nearest } from '../../configuration/layer.ts'
import { type ClusterState, nameOf } from './cluster-state.ts'
import { kindFound } from './documents.ts'
import { unknownFields } from './known-fields.ts'

/** How a manifest is to be understood. */
type ManifestMode = 'apply' | 'replace'

/** A patch and what it is for. */
export interface PatchProposal {
  readonly kind: JudgedKind
  readonly name: string
  readonly type: 'merge' | 'json'
  readonly patch: unknown
}

/** What is proposed: a review to be answered, or why there is none. */
export type Proposal =
  | {
      readonly outcome: 'review'
      readonly review: unknown
      readonly what: string
      /** What the API server would drop, or warn of, one sentence each. */
      readonly doubts: readonly string[]
    }
  | { readonly outcome: 'not-judged'; readonly what: string }
  | { readonly outcome: 'unusable'; readonly what: string; readonly problem: string }

/** Who would ask, and where. */
interface ProposalContext {
  readonly state: ClusterState
  readonly actor: Actor
  readonly mode: ManifestMode
}

/** What the API server would ask the guard about a document of a file. */
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
  if (!isJsonObject(after)) return { outcome: 'unusable', what, problem: 'it is no object' }
  return reviewOf(kind, name, before, withStatusOf(before, after), context.actor)
}

/** What the API server would ask about a patch. */
export function patchProposal(
  { kind, name, type, patch }: PatchProposal,
  context: ProposalContext,
): Proposal {
  const what = `${kind} ${name}`
  const before = context.state.raw(kind, name)
  if (!before) return { outcome: 'unusable', what, problem: 'there is no such object to be patched' }
  const patched =
    type === 'merge' ? { ok: true as const, value: mergePatch(before, patch) } : jsonPatch(before, patch)
  if (!patched.ok) return { outcome: 'unusable', what, problem: patched.problem }
  const after = patched.value
  if (!isJsonObject(after))
    return { outcome: 'unusable', what, problem: 'what the patch makes of it is no object' }
  const renamed = identity.find((field) => !sameJson(valueAt(before, field), valueAt(after, field)))
  if (renamed !== undefined) {
    const problem = `the patch changes ${renamed.join('.')}, which the API server refuses`
    return { outcome: 'unusable', what, problem }
  }
  return reviewOf(kind, name, before, withStatusOf(before, after), context.actor)
}

/** What no write to an object changes. */
const identity = [
  ['apiVersion'],
  ['kind'],
  ['metadata', 'name'],
  ['metadata', 'namespace'],
  ['metadata', 'uid'],
]

const valueAt = (object: JsonObject, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => fieldOf(value, name), object)

/** Status has its own subresource: a write to the object leaves it as it is. */
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
): Proposal {
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

/** In the API server's own words, and what was probably meant. A definition that is newer than this list shows in what is stored. */
function doubtsOf(kind: JudgedKind, before: JsonObject | undefined, after: JsonObject): string[] {
  // The definition of v1beta1 keeps whatever it gets.
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
 * What `kubectl apply` of a manifest makes of an object: fields of the manifest are set, those that the last applied
 * one had and this one has not are taken away, others stay. Status is not applied.
 */
export function applied(current: JsonObject, manifest: JsonObject): unknown {
  const last = lastApplied(current)
  const wanted = Object.fromEntries(Object.entries(manifest).filter(([key]) => key !== 'status'))
  return mergePatch(mergePatch(current, last === undefined ? {} : removals(last, wanted)), wanted)
}

/** What `kubectl replace` of a manifest makes of it: everything but status and what the API server itself keeps. */
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
    // kubectl itself would fail here; what the manifest says is judged all the same.
    return undefined
  }
}

/** A merge patch that takes away what is in `last` and not in `wanted`. */
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
