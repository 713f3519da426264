import { isDeepStrictEqual } from 'node:util'
import { kinds } from '../../src/longhorn/kinds.ts'
import type { JudgedKind } from '../../src/rules/change.ts'
import {
  isLeaving,
  newlyCrashing,
  onlyClears,
  releasesTried,
  withObject,
  withoutObject,
} from './crash-oracle.ts'
import { type Fields, fieldsAt, isFields, keyOf, type RawObject, type RawObjects } from './raw.ts'

/** A write that a review asks for, if it is one that an API server could ask for. */
export interface Asked {
  readonly before: RawObject | undefined
  readonly after: RawObject | undefined
  readonly dryRun: boolean
}

/** A field that may be missing or null. */
function isAbsentOr(value: unknown, isSort: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || isSort(value)
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText)

/** True if all around the objects is of the sort that an API server sends. */
function isEnvelope(review: Fields): boolean {
  const { kind, resource, name, userInfo, dryRun, uid } = fieldsAt(review, 'request')
  const { username, groups } = fieldsAt(userInfo)
  return (
    review.apiVersion === 'admission.k8s.io/v1' &&
    review.kind === 'AdmissionReview' &&
    [uid, ...partsOf(kind, 'kind'), ...partsOf(resource, 'resource')].every(isText) &&
    isFields(userInfo) &&
    isAbsentOr(name, isText) &&
    isAbsentOr(username, isText) &&
    isAbsentOr(groups, isTextList) &&
    isAbsentOr(dryRun, (value) => typeof value === 'boolean')
  )
}

function partsOf(named: unknown, last: string): unknown[] {
  const fields = fieldsAt(named)
  return [fields.group, fields.version, fields[last]]
}

/**
 * Reads a review that keeps to what an API server promises: both objects are the same one, of the resource that is
 * named, and a write to it leaves its status as it is.
 */
export function writeIn(review: Fields): Asked | undefined {
  if (!isEnvelope(review)) return undefined
  const request = fieldsAt(review, 'request')
  const { operation, subResource, dryRun, namespace } = request
  const { group, resource } = fieldsAt(request, 'resource')
  const kind = (Object.keys(kinds) as JudgedKind[]).find((each) => kinds[each].plural === resource)
  if (group !== 'longhorn.io' || kind === undefined || namespace !== 'longhorn-system') return undefined
  if (!isAbsentOr(subResource, (value) => value === '')) return undefined
  const before = operation === 'CREATE' ? undefined : objectIn(request.oldObject, kind)
  const after = operation === 'DELETE' ? undefined : objectIn(request.object, kind)
  switch (operation) {
    case 'CREATE':
      // A new object has no status, whatever it says.
      return after && { before, after: { ...after, status: {} }, dryRun: dryRun === true }
    case 'DELETE':
      return before && { before, after, dryRun: dryRun === true }
    case 'UPDATE':
      if (before?.metadata.name !== after?.metadata.name) return undefined
      return before && after && isDeepStrictEqual(before.status, after.status)
        ? { before, after, dryRun: dryRun === true }
        : undefined
    default:
      return undefined
  }
}

function objectIn(json: unknown, kind: JudgedKind): RawObject | undefined {
  if (!isFields(json) || !isFields(json.metadata)) return undefined
  const { name } = json.metadata
  return typeof name === 'string' && name !== '' ? ({ ...json, kind } as RawObject) : undefined
}

/**
 * Why a write should not have been admitted; undefined if it was right.
 *
 * @param stored all objects as they are stored
 * @param release of Longhorn, one of those that are tried
 */
export function wronglyAdmitted(
  stored: RawObjects,
  release: string | undefined,
  write: Asked,
): string | undefined {
  const { before, after } = write
  if ((before && isLeaving(before)) || (after && isLeaving(after))) return undefined
  const was = before ? withObject(stored, before) : stored
  const [crashing] = newlyCrashing(
    was,
    after ? withObject(was, after) : withoutObject(was, before ?? nothing),
    releasesTried.get(release) ?? 'A',
  )
  return crashing === undefined
    ? undefined
    : `a write was admitted that crashes the manager of ${crashing} on ${release ?? 'an unknown release'}`
}

const nothing: RawObject = { apiVersion: '', kind: '', metadata: { name: '' } }

/** Why a write should not have been denied; undefined if it was right. */
export function wronglyDenied({ before, after }: Asked): string | undefined {
  return before && after && onlyClears(before, after)
    ? 'a write was denied that only takes flags down'
    : undefined
}

/** True if a write is of an object as it is stored, or of one that is not. */
export function isOfStored(stored: RawObjects, { before, after }: Pick<Asked, 'before' | 'after'>): boolean {
  const { kind, metadata } = before ?? after ?? nothing
  return isDeepStrictEqual(before, stored.get(keyOf(kind, metadata.name)))
}
