import { spawnSync } from 'node:child_process'
import t from 'tap'
import { isAmbiguous } from '../../../src/doors/proxy/kubernetes/bind.ts'
import { dryRunOf } from '../../../src/doors/proxy/kubernetes/dry-run.ts'
import { callThrough } from '../../../src/doors/proxy/kubernetes/who-is.ts'
import { writeOf } from '../../../src/doors/proxy/kubernetes/write.ts'
import { type Call, callOf } from '../../../src/doors/proxy/longhorn/call.ts'
import { kinds } from '../../../src/longhorn/kinds.ts'
import { depth } from '../../fixtures/thorough.ts'
import { mangledTargets, type RequestLine } from './mangled-targets.ts'

/** net/http, the API server's RequestInfo and Longhorn's router themselves (test/e2e/targets). */
const program = 'holdfast-targets'
const isThere = spawnSync(program, { input: '' }).status === 0
const skip = isThere ? false : `${program} is not on the PATH: npm run test:e2e:prepare builds it`

/** Go's reading of a request. */
interface Seen {
  /** The write, as the API server sees it: verb, namespace, resource, name. */
  readonly write: string | undefined
  readonly call: string | undefined
  /** The call that Longhorn would see through the API server's own proxy. */
  readonly through: string | undefined
  readonly dryRun: boolean
}

/** Undefined for a request that net/http rejects. */
function seenByGo(lines: readonly RequestLine[]): (Seen | undefined)[] {
  const input = Buffer.from(lines.map(({ method, target }) => `${method}\t${target}\n`).join(''), 'latin1')
  const { stdout, status } = spawnSync(program, { input, maxBuffer: 1024 ** 3 })
  if (status !== 0) throw new Error(`${program} ended with ${status}`)
  const field = (text: string | undefined): string | undefined => (text === '-' ? undefined : text)
  return stdout
    .toString('latin1')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [write, call, through, dryRun] = line.split('\t')
      if (write === '!') return undefined
      return { write: field(write), call: field(call), through: field(through), dryRun: dryRun === 'dry' }
    })
}

const judgedResources = new Map(
  (['Node', 'BackingImage', 'BackingImageDataSource'] as const).map((kind) => [kinds[kind].plural, kind]),
)

/** The proxy's reading of a request, in Go's words; `refused` for one that is not forwarded. */
function written({ method, target }: RequestLine): string | undefined {
  if (target.includes('#') || isAmbiguous(method, target)) return 'refused'
  const write = writeOf(method, target)
  if (write?.namespace !== 'longhorn-system') return undefined
  const { namespace, kind, name = '' } = write
  const deletes = name === '' ? 'deletecollection' : 'delete'
  const verb = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: deletes }[write.method]
  return named(verb, namespace, kinds[kind].plural, name)
}

function called(call: Call | undefined): string | undefined {
  return call && named(call.call, call.name)
}

/** As url.QueryEscape of Go writes bytes. */
function named(...words: readonly string[]): string {
  const escaped = (word: string): string =>
    word.replaceAll(/[^\w.~-]/g, (char) => {
      const byte = char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
      return char === ' ' ? '+' : `%${byte}`
    })
  return words.map(escaped).join(' ')
}

/** Undefined for a write of a resource that is not judged, or in another namespace. */
function guardedWrite(write: string | undefined): string | undefined {
  const [, namespace, resource = ''] = write?.split(' ') ?? []
  return namespace === 'longhorn-system' && judgedResources.has(resource) ? write : undefined
}

const total = depth(20_000, 500_000)

t.test(`the proxies read ${total} mangled targets as Go does`, { skip }, (t) => {
  // `careful`: judged, although Go sees no write.
  const counts = { taken: 0, guarded: 0, refused: 0, careful: 0, calls: 0, through: 0, dryRuns: 0 }
  const differ: string[] = []
  const differs = ({ method, target }: RequestLine, go: string | undefined, ours: string | undefined): void =>
    void differ.push(`${method} ${target}: Go ${go ?? 'nothing'}, the proxy ${ours ?? 'nothing'}`)
  // In parts, which bounds the memory.
  const part = 50_000
  for (let from = 0; from < total; from += part) {
    const lines = [...mangledTargets(Math.min(part, total - from), 20_261_129 + from)]
    const tries: { readonly line: RequestLine; readonly seen: Seen }[] = []
    for (const [at, seen] of seenByGo(lines).entries()) {
      const line = lines[at]
      if (!line || !seen) continue
      counts.taken += 1
      const [go, ours] = [guardedWrite(seen.write), written(line)]
      if (go !== undefined) {
        counts.guarded += 1
        if (ours === 'refused') counts.refused += 1
        else if (go !== ours) differs(line, go, ours)
        else tries.push({ line, seen })
      } else if (ours !== undefined && ours !== 'refused') counts.careful += 1
      const call = called(callOf(line.method, line.target))
      if (seen.call !== undefined) {
        counts.calls += 1
        if (seen.call !== call && !line.target.includes('#')) differs(line, seen.call, call)
      }
      const through = called(callThrough(line.method, line.target, 'longhorn-system'))
      if (seen.through !== undefined) {
        counts.through += 1
        if (seen.through !== through && !line.target.includes('#')) differs(line, seen.through, through)
      }
    }
    // A request that is sent as a dry run must be one for Go, of the same write.
    const dry = tries.map(({ line }) => {
      const write = writeOf(line.method, line.target)
      const target = write && dryRunOf(write, line.target, Buffer.alloc(0))?.target
      return { method: line.method, target: target ?? '' }
    })
    for (const [at, seen] of (dry.length === 0 ? [] : seenByGo(dry)).entries()) {
      counts.dryRuns += 1
      const tried = tries[at]
      if (tried && (seen?.dryRun !== true || seen.write !== tried.seen.write))
        differs(
          tried.line,
          `${seen?.write ?? 'nothing'}${seen?.dryRun === true ? ' (dry)' : ''}`,
          'a dry run of it',
        )
    }
  }
  t.comment(JSON.stringify(counts))
  t.strictSame(differ.slice(0, 20), [])
  // Or the targets would be too tame, or too wild, to show anything.
  const { taken, guarded, refused, calls, through, dryRuns } = counts
  for (const [what, count] of Object.entries({ taken, guarded, refused, calls, through, dryRuns }))
    t.ok(count > total / 1_000, `${what}: ${count}`)
  t.end()
})
