import { createPatch } from 'rfc6902'
import { kinds } from '../../src/longhorn/kinds.ts'
import type { JudgedKind } from '../../src/rules/change.ts'
import { mangledTargets, type RequestLine } from '../doors/proxy/mangled-targets.ts'
import { anyWrite, type AnyWrite } from './any-write.ts'
import type { Saying } from './exchange.ts'
import { jsonText } from './json-text.ts'
import { mangle, mangleText } from './mangle.ts'
import type { Random } from './random.ts'
import { copyOf, type Fields, fieldsAt, isFields, type RawObjects } from './raw.ts'

/** A request before it is written down. */
interface Request {
  method: string
  target: string
  headers: string[]
  body: unknown
}

const json = 'Content-Type: application/json'

/** A request to the Kubernetes API as clients send it, or what somebody else could make of one; in bytes. */
export function anyKubernetesRequest(objects: RawObjects, random: Random): Saying {
  return written(kubernetesRequest(anyWrite(objects, random), random), random)
}

/** The same for Longhorn's REST API. */
export function anyLonghornRequest(objects: RawObjects, random: Random): Saying {
  return written(longhornRequest(anyWrite(objects, random), random), random)
}

/** The same for `/validate` of the webhook. */
export function anyReviewRequest(review: Buffer, random: Random): Saying {
  return written({ method: 'POST', target: '/validate?timeout=10s', headers: [json], body: review }, random)
}

function pathOf(kind: JudgedKind): string {
  return `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${kinds[kind].plural}`
}

function kubernetesRequest({ kind, before, after }: AnyWrite, random: Random): Request {
  const path = pathOf(kind)
  const query = random.chance(0.15) ? random.oneOf(['?dryRun=All', '?fieldManager=x', '?force=true']) : ''
  if (!before) return { method: 'POST', target: path + query, headers: [json], body: after }
  const target = `${path}/${before.metadata.name}${query}`
  if (!after) {
    const options = random.oneOf([undefined, {}, { propagationPolicy: 'Background' }, { dryRun: ['All'] }])
    const whole = random.chance(0.1) ? path + query : target
    return { method: 'DELETE', target: whole, headers: options ? [json] : [], body: options }
  }
  switch (random.below(8)) {
    case 0:
      return {
        method: 'GET',
        target: random.oneOf([target, path, '/api/v1/namespaces', '/version']),
        headers: [],
        body: undefined,
      }
    case 1:
    case 2:
      return { method: 'PUT', target, headers: [json], body: after }
    case 3:
    case 4:
      return patch(target, 'json-patch', createPatch(before, after))
    case 5: {
      const body = {
        apiVersion: after.apiVersion,
        kind,
        metadata: { name: before.metadata.name },
        spec: after.spec,
      }
      return patch(`${target}${query === '' ? '?' : '&'}fieldManager=fuzz`, 'apply-patch', body)
    }
    default:
      return patch(target, 'merge-patch', mergePatch(before, after))
  }
}

function patch(target: string, type: string, body: unknown): Request {
  const form = type === 'apply-patch' ? 'yaml' : 'json'
  return { method: 'PATCH', target, headers: [`Content-Type: application/${type}+${form}`], body }
}

/** The patch that turns one into the other (RFC 7396). */
function mergePatch(before: unknown, after: unknown): unknown {
  if (!isFields(before) || !isFields(after)) return after
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name))
  const changed = Object.entries(after).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]),
  )
  return Object.fromEntries([
    ...gone.map((name) => [name, null] as const),
    ...changed.map(([name, value]) => [name, mergePatch(before[name], value)] as const),
  ])
}

function longhornRequest({ kind, before, after }: AnyWrite, random: Random): Request {
  const headers = [json]
  if (kind === 'BackingImageDataSource' || !before || random.chance(0.1)) {
    const target = random.oneOf(['/v1/nodes', '/v1/backingimages/i1', '/v1/volumes', '/v1/nodes/n1', '/'])
    return { method: 'GET', target, headers: [], body: undefined }
  }
  const target = `/v1/${kind === 'Node' ? 'nodes' : 'backingimages'}/${before.metadata.name}`
  if (!after)
    return {
      method: 'DELETE',
      target: target + random.oneOf(['', '?action=backingImageCleanup']),
      headers,
      body: undefined,
    }
  const spec = fieldsAt(after, 'spec')
  if (kind === 'BackingImage') {
    const files = fieldsAt(spec, 'diskFileSpecMap')
    const gone = Object.keys(fieldsAt(before, 'spec', 'diskFileSpecMap')).filter(
      (disk) => !Object.hasOwn(files, disk),
    )
    if (random.chance(0.1))
      return {
        method: 'POST',
        target: `${target}?action=updateMinNumberOfCopies`,
        headers,
        body: { minNumberOfCopies: random.below(3) },
      }
    return { method: 'POST', target: `${target}?action=backingImageCleanup`, headers, body: { disks: gone } }
  }
  if (random.chance(0.5))
    return { method: 'POST', target: `${target}?action=diskUpdate`, headers, body: { disks: spec.disks } }
  const { allowScheduling, evictionRequested, tags } = spec
  return { method: 'PUT', target, headers, body: { allowScheduling, evictionRequested, tags } }
}

/** Headers that change how a request is read. */
const oddHeaders: readonly string[] = [
  ...[
    'Expect: 100-continue',
    'Expect: x',
    'Connection: close',
    'Connection: keep-alive, content-length',
    'TE: trailers',
  ],
  ...[
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings',
    'Trailer: x',
  ],
  ...[
    'Content-Encoding: gzip',
    'Accept: application/yaml',
    'Accept: application/vnd.kubernetes.protobuf',
    'Cookie: a=b',
  ],
  ...[
    'X-HTTP-Method-Override: GET',
    'Authorization: Bearer x',
    'Authorization: \xff',
    'Impersonate-User: mallory',
  ],
  ...[
    'X-Forwarded-Host: \u0001',
    'Origin: null',
    `X-Long: ${'x'.repeat(5_000)}`,
    'X-Empty:',
    'A b: c',
    ': x',
    'X-Tab: \t',
  ],
]

const oddTypes = [
  'application/yaml',
  'text/plain',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  'x',
  '',
]

/** Headers that say where a request ends, in ways that servers read differently. */
const framings: readonly string[] = [
  ...[
    'Content-Length: 5',
    'Content-Length: 99999999',
    'Content-Length: -1',
    'Content-Length: 0x10',
    'Content-Length:',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding:\tchunked',
    'Transfer-Encoding: x',
  ],
]

function written(request: Request, random: Random): Saying {
  const made = Buffer.isBuffer(request.body) ? request : { ...request, body: request.body ?? null }
  const body = bodyOf(made, random)
  const { headers } = made
  let { method, target } = made
  if (random.chance(0.12)) ({ method, target } = anyTarget(method, target, random))
  if (random.chance(0.02)) method = random.oneOf(['HEAD', 'OPTIONS', 'TRACE', 'get', 'PURGE', 'X'])
  if (random.chance(0.05)) headers.splice(0, headers.length, `Content-Type: ${random.oneOf(oddTypes)}`)
  if (random.chance(0.15)) headers.push(random.oneOf(oddHeaders))
  return framed(`${method} ${target}`, headers, body, random)
}

/** The limit in UTF-16 units. */
const largest = 1_000_000

function bodyOf({ body }: Request, random: Random): Buffer {
  if (Buffer.isBuffer(body)) return body
  if (body === null)
    return random.chance(0.1) ? Buffer.from(random.oneOf(['{}', 'null', 'x'])) : Buffer.alloc(0)
  if (random.chance(0.45)) return Buffer.from(jsonText(body))
  const holder: Fields = { body: copyOf(body) }
  for (let count = random.chance(0.7) ? 1 : 3; count > 0; count -= 1)
    mangle(random.chance(0.9) ? holder.body : holder, random)
  // The earlier object may be gone, or have another name.
  const text = jsonText(holder.body === undefined ? holder : holder.body)
  if (text.length > largest) return Buffer.from(jsonText(body))
  return random.chance(0.12) ? mangleText(text, random) : Buffer.from(text)
}

/** Mostly another target for the same write; sometimes any that might get around a proxy. */
function anyTarget(method: string, target: string, random: Random): RequestLine {
  const [mangled = { method, target }] = mangledTargets(1, random.below(2 ** 32))
  return random.chance(0.5) ? mangled : { method, target: mangled.target }
}

/** Most requests end where they say that they do. */
function framed(line: string, headers: readonly string[], body: Buffer, random: Random): Saying {
  const isOdd = random.chance(0.06)
  const isChunked = body.length > 0 && random.chance(0.1)
  const framing = isOdd
    ? random.someOf(framings, 0.2)
    : isChunked
      ? ['Transfer-Encoding: chunked']
      : body.length > 0
        ? [`Content-Length: ${body.length}`]
        : []
  const head = [`${line} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, ...framing, '', ''].join('\r\n')
  const parts = [Buffer.from(head, 'latin1'), ...(isChunked ? chunksOf(body, random) : [body])]
  const bytes = Buffer.concat(parts)
  const isWhole = !isOdd && headers.every(isPlain) && !/[^\x21-\x7e]/.test(line.replace(' ', ''))
  if (!random.chance(0.03)) return { bytes, isWhole }
  return {
    bytes: random.chance(0.5) ? bytes.subarray(0, random.below(bytes.length)) : Buffer.concat([bytes, bytes]),
    isWhole: false,
  }
}

/** True for a header that leaves it as it is where the request ends, and whether an answer comes. */
function isPlain(header: string): boolean {
  return (
    /^[\w-]+:[ -~]*$/.test(header) &&
    !/^(expect|upgrade|trailer|connection|te|content-encoding):/i.test(header)
  )
}

function chunksOf(body: Buffer, random: Random): Buffer[] {
  const size = 1 + random.below(body.length)
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  return [...parts, Buffer.from('0\r\n\r\n')]
}
