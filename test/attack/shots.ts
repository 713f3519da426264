import { review } from '../doors/webhook/review-builder.ts'
import { disk, rawImage, rawNode, ready } from '../fixtures/raw-objects.ts'
import type { Shot } from './attackers.ts'

const json = { 'content-type': 'application/json' }

/** A body for `/validate`. */
export function shotOf(body: unknown): Shot {
  return {
    method: 'POST',
    path: '/validate?timeout=10s',
    headers: json,
    body: Buffer.from(JSON.stringify(body)),
  }
}

/** A review with another uid each time. */
function reviewed(...asked: Parameters<typeof review>): ReturnType<typeof review> {
  const made = review(...asked)
  made.request.uid = crypto.randomUUID()
  return made
}

function count(length: number, nameOf: (at: number) => string): string[] {
  return Array.from({ length }, (_, at) => nameOf(at))
}

/** The clean-up of so many copies at once. */
export function cleanupOf(copies: number): Shot {
  const before = rawImage(
    'ubuntu-22.04',
    count(copies, (at) => `k${at}`).map((name) => ready(name)),
  )
  const after = { ...before, spec: { ...before.spec, diskFileSpecMap: {} } }
  return shotOf(reviewed('BackingImage', { before, after }))
}

/** All disks of a node have other names. */
export function renamingOf(disks: number): Shot {
  const before = rawNode(
    'node-1',
    count(disks, (at) => `d${at}`).map((name) => disk(name)),
  )
  const renamed = Object.fromEntries(
    Object.entries(before.spec.disks).map(([name, each]) => [`x${name}`, each]),
  )
  return shotOf(reviewed('Node', { before, after: { ...before, spec: { ...before.spec, disks: renamed } } }))
}

let forged = 0

/** How many values an entry, a list or an annotation counts, with its name and the characters before it. */
const mostValues = 349_000
const ofEntry = 3
const crowds: readonly object[] = [
  // Two nodes with all the disks that there is room for, then with as many as are judged, each with tags.
  crowded({ disks: mapOf(mostValues / 2 / ofEntry, () => ({})) }),
  crowded({ disks: mapOf(9_999, () => ({ tags: ['', '', '', '', '', '', '', ''] })) }),
  crowded({ tags: Array.from({ length: mostValues / 2 - 1_000 }, () => '') }),
  crowded({}, { annotations: mapOf(mostValues / 4 - 1_000, () => '') }),
  crowded({}, {}, { diskStatus: { d1: { scheduledReplica: mapOf(mostValues / 4 - 1_000, () => 0) } } }),
  crowded({}, { managedFields: Array.from({ length: mostValues / 2 / 3 - 1_000 }, () => [{}]) }),
]
const crowdedBodies: readonly Shot[] = [...crowds.map((body) => shotOf(body)), groupsOf(mostValues - 1_000)]

/** The eviction of a node with very much in it. */
function crowded(spec: object, metadata: object = {}, status: object = {}): object {
  const name = { name: 'node-1', namespace: 'longhorn-system', uid: 'x' }
  const before = { metadata: { ...name, ...metadata }, spec, status }
  return reviewed('Node', { before, after: { ...before, spec: { ...spec, evictionRequested: true } } })
}

function mapOf<T>(length: number, entry: () => T): Record<string, T> {
  return Object.fromEntries(count(Math.floor(length), (at) => `k${at}`).map((key) => [key, entry()]))
}

/** A user in very many groups. */
function groupsOf(length: number): Shot {
  const made = lastCopy('debian-12', {})
  made.request.userInfo.groups = count(length, () => 'g')
  return shotOf(made)
}

/** Reviews with about as many values as are read, in all the places where there is room. */
export function manyValues(): Shot {
  forged += 1
  return crowdedBodies[forged % crowdedBodies.length] ?? forgery()
}

/** An eviction of a node that there is not, or a node that is made with a flag up. */
export function forgery(): Shot {
  forged += 1
  const metadata = { uid: crypto.randomUUID(), resourceVersion: '999999999999' }
  const name = `invented-${forged}`
  const before = rawNode(name, [disk('d1')], { metadata })
  const after = { ...before, spec: { ...before.spec, evictionRequested: true } }
  const username = `user-${forged % 1_000}`
  if (forged % 2 === 0) return shotOf(reviewed('Node', { before, after, name, username }))
  return shotOf(reviewed('Node', { operation: 'CREATE', after, name, username }))
}

/** Removes the last copy of an image, which is denied each time. @param more about the request */
function lastCopy(
  name: string,
  more: { readonly username?: string; readonly dryRun?: boolean; readonly note?: string },
) {
  const before = rawImage(name, [ready('d1')])
  const annotations = more.note === undefined ? {} : { 'holdfast.dev/override': more.note }
  const after = {
    ...before,
    metadata: { ...before.metadata, annotations },
    spec: { ...before.spec, diskFileSpecMap: {} },
  }
  return reviewed('BackingImage', { before, after, name, ...more })
}

/** A dry run that gives a reason of 256 KiB for an exception. */
export function longReason(): Shot {
  forged += 1
  const note = `${forged} ${'y'.repeat(250_000)}`
  return shotOf(lastCopy('debian-12', { dryRun: true, note }))
}

/** Names that act on a terminal, long ones, and another each time. */
export function hostileNames(): Shot {
  forged += 1
  const hostile = `\u001b]0;${forged}\u0007\u001b[2J\r\u202e\u2066\u009b${'x'.repeat(20_000)}`
  return shotOf(lastCopy(hostile, { username: hostile, note: hostile }))
}

/** A user with a name of a megabyte in 50,000 groups, another each time. */
export function forgedCaller(): Shot {
  forged += 1
  const made = lastCopy(`image-${forged}`, { username: `${forged}${'u'.repeat(1_000_000)}` })
  made.request.userInfo.groups = count(50_000, (at) => `group-${at}-${forged}`)
  return shotOf(made)
}

/** Denials of ever other objects to ever other people: each is an Event and a record. */
export function forgedEvents(): Shot {
  forged += 1
  return shotOf(lastCopy(`image-${forged}`, { username: `user-${forged}`, note: 'z'.repeat(2_000) }))
}

const [large, deep] = [8 * 2 ** 20 - 1_000, 3_000_000]
const hugeBodies: readonly Buffer[] = [
  // A review, and yet nearly as large as may be.
  Buffer.from(JSON.stringify(lastCopy('debian-12', { note: 'n'.repeat(large - 3_000) }))),
  Buffer.from(`{"request":{"uid":"1","object":${'['.repeat(deep)}${']'.repeat(deep)}}}`),
  Buffer.from(`{${count(400_000, (at) => `"k${at}":{}`).join()}}`),
  // Too large.
  Buffer.alloc(9 * 2 ** 20, 'x'),
]

/** Bodies of eight megabytes: long, deep, wide, and too large. */
export function hugeBody(): Shot {
  forged += 1
  const body = hugeBodies[forged % hugeBodies.length] ?? Buffer.alloc(0)
  return { method: 'POST', path: '/validate?timeout=10s', headers: json, body }
}

const yaml = { 'content-type': 'application/yaml' }
const nodes = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes'
const bombs: readonly Buffer[] = [
  Buffer.from('&a '.repeat(100_000)),
  Buffer.from(count(20_000, (at) => `k${at}: 1`).join('\n')),
  Buffer.from(count(200_000, (at) => `- ${at}`).join('\n')),
  Buffer.from('#\n'.repeat(1_500_000)),
  Buffer.from(
    ['k0: &k0 [x,x]', ...count(25, (at) => `k${at + 1}: &k${at + 1} [*k${at},*k${at}]`)].join('\n'),
  ),
]

/** YAML that takes long to read, as the options of a delete, an apply or an update of a node, without a token. */
export function yamlBomb(): Shot {
  forged += 1
  const body = bombs[forged % bombs.length] ?? Buffer.alloc(0)
  const path = `${nodes}/x`
  switch (forged % 4) {
    case 0:
      return {
        method: 'PATCH',
        path: `${path}?fieldManager=x`,
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body,
      }
    case 1:
      return { method: 'PUT', path, headers: yaml, body }
    default:
      return { method: 'DELETE', path, headers: yaml, body }
  }
}

const largeOptions: readonly Buffer[] = [
  Buffer.from(`{${count(150_000, (at) => `"key-${at}":{}`).join()}}`),
  Buffer.from(`{"propagationPolicy":"${'x'.repeat(3_000_000)}"}`),
]

/** Deletes with options of three megabytes, and updates as large, as JSON. */
export function largeDelete(): Shot {
  forged += 1
  const body = largeOptions[forged % largeOptions.length] ?? Buffer.alloc(0)
  return { method: forged % 3 === 1 ? 'PUT' : 'DELETE', path: `${nodes}/x`, headers: json, body }
}
