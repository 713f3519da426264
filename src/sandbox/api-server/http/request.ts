import type { IncomingMessage } from 'node:http'
import type { User } from '../../cluster-client.ts'
import type { JsonObject } from '../../json.ts'
import { badRequest, noSuchPath, tooLarge } from '../failure.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { findResource } from '../resources.ts'
import { protobufType, readProtobuf } from './protobuf.ts'

/** The context of one request. */
export interface RequestContext {
  readonly user: User
  /** When the whole request must be done, on the clock. It limits the webhooks and the retries. */
  readonly deadlineMs: number
  /** Fires if the client has gone or the server stops. */
  readonly signal: AbortSignal
  /** Adds a `Warning` header to the answer. */
  readonly warn: (text: string) => void
}

/** The target of a request. */
export interface Target {
  readonly resource: ResourceFacts
  /** Empty for cluster-scoped, or all namespaces. */
  readonly namespace: string
  /** Empty for the collection. */
  readonly name: string
  readonly subresource: 'status' | undefined
}

/** The options of a write. */
export interface WriteOptions {
  /** All steps including the webhooks, but nothing is stored. */
  readonly dryRun: boolean
  /** CreateOptions, UpdateOptions or DeleteOptions as webhooks get them. */
  readonly options: JsonObject
}

/**
 * Reads the target in a URL's path: an object, its status, a collection, or a collection over all namespaces.
 *
 * @param path decoded
 * @returns undefined for an unknown path
 */
export function parsePath(path: string): Target | undefined {
  const segments = segmentsOf(path)
  if (!segments) return undefined
  const core = segments[0] === 'api'
  if (!core && segments[0] !== 'apis') return undefined
  const [group = '', version = '', ...rest] = core ? ['', ...segments.slice(1)] : segments.slice(1)
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && !(core && rest[2] === 'status')
  const [namespace = '', plural = '', name = '', subresource, ...more] = inNamespace
    ? rest.slice(1)
    : ['', ...rest]
  const resource = findResource({ group, version, plural })
  if (!resource || more.length > 0 || (name === '' && subresource !== undefined)) return undefined
  // A path without a namespace names only the collection of a namespaced resource. A path with one names only
  // namespaced resources.
  if (inNamespace !== resource.namespaced && (inNamespace || name !== '')) return undefined
  if (subresource === undefined) return { resource, namespace, name, subresource }
  return subresource === 'status' && resource.hasStatus
    ? { resource, namespace, name, subresource }
    : undefined
}

/** The segments of a path; undefined if one is empty. */
function segmentsOf(path: string): string[] | undefined {
  const segments = path.replace(/\/$/, '').slice(1).split('/')
  return segments.includes('') ? undefined : segments
}

/** The parsed target of a request. */
interface RequestTarget {
  /** Decoded: a slash written as `%2F` separates segments too. */
  readonly path: string
  readonly query: URLSearchParams
}

/**
 * Splits the target of a request as a Go server does. A URL parser of the web would normalise it first: it
 * cuts off the part after a `#`, reads a backslash as a slash, and resolves `..`.
 *
 * @throws ApiError 400 for a target with a `#`, 404 for one that cannot be decoded
 */
export function requestTarget(target: string): RequestTarget {
  if (target.includes('#'))
    throw badRequest(
      'a request target has no # (RFC 9112, 3.2), and servers differ in how they read one: write %23',
    )
  const at = target.indexOf('?')
  const written = at < 0 ? target : target.slice(0, at)
  // It may be a whole URL (RFC 9112, 3.2.2).
  const path = written.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '')
  return { path: decoded(path), query: new URLSearchParams(at < 0 ? '' : target.slice(at + 1)) }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    if (error instanceof URIError) throw noSuchPath(path)
    throw error
  }
}

/** The user without `--as`. */
export const sandboxAdmin: User = {
  username: 'sandbox-admin',
  groups: ['system:masters', 'system:authenticated'],
}

/**
 * The effective user: `kubectl --as` and `--as-group` change it, and webhooks see only this one
 * (kubernetes.md, The request). Here every user may impersonate every other.
 *
 * @param headers every value of each header (Node's `headersDistinct`)
 * @throws ApiError 400 for an invalid header
 */
export function userOf(headers: NodeJS.Dict<string[]>): User {
  const username = headers['impersonate-user']?.[0]
  const groups = headers['impersonate-group'] ?? []
  const unknown = Object.keys(headers).find(
    (name) => name === 'impersonate-uid' || name.startsWith('impersonate-extra-'),
  )
  if (unknown !== undefined)
    throw badRequest(`${unknown}: the embedded cluster impersonates names and groups only`)
  if (username === undefined) {
    if (groups.length > 0) throw badRequest('requested a group to impersonate without a user: add --as')
    return sandboxAdmin
  }
  const own = groups.length > 0 ? groups : serviceAccountGroups(username)
  const anonymous = username === 'system:anonymous'
  const everybody = anonymous ? 'system:unauthenticated' : 'system:authenticated'
  return { username, groups: own.includes(everybody) ? own : [...own, everybody] }
}

/** A service account belongs to the groups of all service accounts and of those of its namespace. */
function serviceAccountGroups(username: string): readonly string[] {
  const namespace = /^system:serviceaccount:([^:]+):[^:]+$/.exec(username)?.[1]
  return namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
}

/** A body as it came: undefined without one. */
export interface Body {
  /** Without parameters, in lower case; may be empty. */
  readonly mediaType: string
  readonly value: unknown
}

/**
 * Reads the JSON body of a request, or the protobuf that `kubectl create` sends instead; undefined without a
 * body.
 *
 * @throws ApiError 413 if it is longer than `maxBytes`, 400 if it is not JSON, or nested too deep
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Body | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Else a body that is too large would be destroyed, and take its request off the connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Buffer)) continue
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  if (bytes === 0) return undefined
  const mediaType = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  const whole = Buffer.concat(chunks)
  if (mediaType === protobufType) {
    const value = readProtobuf(whole)
    return { mediaType: value === undefined ? mediaType : 'application/json', value }
  }
  return { mediaType, value: isJson(mediaType) ? parse(whole.toString('utf8')) : undefined }
}

function isJson(mediaType: string): boolean {
  return mediaType === '' || /[/+]json$/.test(mediaType)
}

function parse(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw Object.assign(badRequest(`the body of the request is not JSON: ${why}`), { cause: error })
  }
  if (isDeeperThan(deepest, value)) throw badRequest('the body of the request exceeds the maximum depth')
  return value
}

/** The API server reads 10,000 levels. This server walks objects by recursion, and no real one has ten. */
const deepest = 1_000

function isDeeperThan(levels: number, value: unknown): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > levels) return true
    level = level.flatMap((each): unknown[] =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    )
  }
  return false
}
