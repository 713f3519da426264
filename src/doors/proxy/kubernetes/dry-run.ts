import type http from 'node:http'
import { wouldWait } from '../../../gate/answer.ts'
import type { Parsed } from '../../../json/schema.ts'
import { bodyOf, isObjectText, jsonTextOf, memberOf, withMember } from '../../../json/text.ts'
import { kinds } from '../../../longhorn/kinds.ts'
import type { Change, JudgedKind, JudgedObject, Request } from '../../../rules/change.ts'
import { isTooLarge, readAnswer } from '../../http/body.ts'
import type { CallOutcome, JudgedCall } from '../door.ts'
import { endToEnd, without } from '../headers.ts'
import type { Outgoing } from '../relay.ts'
import { targetOf } from '../target.ts'
import { onlyClearsFlags, onlyWatched } from '../unjudged.ts'
import { changeFrom, fieldsOf, isOlder } from './resulting-change.ts'
import { statusAnswer, type Write } from './write.ts'

/** The parts that a dry run needs. */
export interface DryRunnerModules {
  /** Asks the upstream with the rights of the client. @throws RelayFailure */
  readonly ask: (outgoing: Outgoing, signal: AbortSignal) => Promise<http.IncomingMessage>
  /** Reads past every cache; undefined if the object does not exist. @throws if it cannot be read */
  readonly read: (kind: JudgedKind, name: string, signal: AbortSignal) => Promise<JudgedObject | undefined>
  /** The object in the disk map; undefined if it has none. */
  readonly known: (kind: JudgedKind, name: string) => JudgedObject | undefined
}

/** The API server's answer to a dry run. */
export interface DryRunAnswer {
  readonly status: number
  /** Empty if that is too long to be read. */
  readonly text: string
  readonly isTooLong: boolean
}

/**
 * True if the guard's own webhook holds it. Names of disks are free text, so only the beginning of the
 * message counts.
 */
export function isHeldByGuard(dryRunResult: DryRunAnswer): boolean {
  return heldBy(dryRunResult) !== undefined
}

/** The webhook's message about a held dry run, in the words for the write itself. */
export function heldBy({ status, text }: DryRunAnswer): string | undefined {
  if (status !== 429) return undefined
  const message = fieldsOf(jsonIn(text))?.message
  if (typeof message !== 'string' || !message.startsWith(heldByGuard)) return undefined
  return message.replace(`${heldByGuard}: ${wouldWait}`, `${heldByGuard}: `)
}

/** The webhook's name in its registration. */
const heldByGuard = 'admission webhook "guard.holdfast.dev" denied the request'

/** The effect of a write. */
type WriteEffect =
  | { readonly outcome: 'changes'; readonly changes: readonly Change[] }
  /** The object has changed since the dry run. */
  | { readonly outcome: 'changed-meanwhile' }
  /** The object cannot be read, but the write only clears flags. */
  | { readonly outcome: 'clears-flags' }
  | { readonly outcome: 'unjudged'; readonly why: 'unreadable' | 'undecided'; readonly problem: string }

/** Finds the result of a write. Only the API server knows patches, defaults, conflicts and rights. */
export class DryRunner {
  readonly #modules: DryRunnerModules

  constructor(modules: DryRunnerModules) {
    this.#modules = modules
  }

  /** Makes the dry run. @throws RelayFailure, or the signal's reason */
  async run(
    { method }: Write,
    { target, body }: DryRun,
    { request, signal }: JudgedCall,
  ): Promise<DryRunAnswer> {
    const kept = without(endToEnd(request.rawHeaders), negotiated)
    const headers = [...kept, 'Accept', 'application/json', 'Content-Length', String(body.length)]
    const answer = await this.#modules.ask({ method, target, headers, body }, signal)
    const status = answer.statusCode ?? 502
    try {
      return { status, text: await readAnswer(answer, answerLimits, signal), isTooLong: false }
    } catch (error) {
      if (isTooLarge(error)) return { status, text: '', isTooLong: true }
      throw error
    }
  }

  /** Compares its answer with the stored object. @throws the signal's reason */
  async changes(
    write: Write,
    { text }: DryRunAnswer,
    request: Request,
    signal: AbortSignal,
  ): Promise<WriteEffect> {
    const { kind, method } = write
    const object = jsonIn(text)
    if (method === 'DELETE' && write.name === undefined) {
      const items: unknown = fieldsOf(object)?.items
      return await this.#allDeleted(kind, Array.isArray(items) ? items : [], request, signal)
    }
    const after = method === 'DELETE' ? undefined : (object ?? null)
    // The dry run fails if the object exists. The API server ignores a name in the path (*measured*).
    if (method === 'POST') return found([changeFrom({ kind, before: undefined, after, request })])
    const name = write.name ?? metadataIn(object).name
    const before = await this.#stored(kind, name, signal)
    if (before instanceof CannotRead) {
      const last = changeFrom({ kind, before: this.#modules.known(kind, name), after, request })
      if (last.ok && onlyClearsFlags(last.value)) return { outcome: 'clears-flags' }
      return { outcome: 'unjudged', why: 'undecided', problem: before.message }
    }
    if (method === 'DELETE' && !before) return { outcome: 'changed-meanwhile' }
    const change = changeFrom({ kind, before, after, request })
    // The answer to a dry run has the version that it was made on.
    const version = change.ok ? change.value.after?.metadata.resourceVersion : undefined
    const moved = version !== undefined && version !== (before?.metadata.resourceVersion ?? '')
    return moved ? { outcome: 'changed-meanwhile' } : found([change])
  }

  /**
   * Each object of a collection that would be deleted. The API server answers with the objects as they were
   * before, others may answer with them as they are after. A terminating object passes, so that is read from
   * the stored one.
   */
  async #allDeleted(
    kind: JudgedKind,
    items: readonly unknown[],
    request: Request,
    signal: AbortSignal,
  ): Promise<WriteEffect> {
    const all: Parsed<Change>[] = []
    for (const item of items) {
      const before = await this.#itemBefore(kind, item, signal)
      if (before instanceof CannotRead)
        return { outcome: 'unjudged', why: 'undecided', problem: before.message }
      if (!before) return { outcome: 'changed-meanwhile' }
      all.push(before.ok ? changeFrom({ kind, before: before.value, after: undefined, request }) : before)
    }
    return found(all)
  }

  /**
   * Such an object before its deletion; undefined if another one has its name now.
   *
   * @throws the signal's reason
   */
  async #itemBefore(
    kind: JudgedKind,
    item: unknown,
    signal: AbortSignal,
  ): Promise<Parsed<JudgedObject> | undefined | CannotRead> {
    const parsed: Parsed<JudgedObject> = kinds[kind].parse(item)
    const older = isOlder(item)
    if (!older && !(parsed.ok && parsed.value.metadata.terminating)) return parsed
    const { name, uid } = metadataIn(item)
    const known = this.#modules.known(kind, name)?.metadata
    // It ends only with its disappearance.
    if (!older && known?.uid === uid && known.terminating) return parsed
    const stored = await this.#stored(kind, name, signal)
    if (stored instanceof CannotRead) return stored
    if (stored?.metadata.uid !== uid) return undefined
    return older || !stored.metadata.terminating ? { ok: true, value: stored } : parsed
  }

  /** @throws the signal's reason */
  async #stored(
    kind: JudgedKind,
    name: string,
    signal: AbortSignal,
  ): Promise<JudgedObject | undefined | CannotRead> {
    try {
      return await this.#modules.read(kind, name, signal)
    } catch (error) {
      signal.throwIfAborted()
      return new CannotRead(String(error), { cause: error })
    }
  }
}

/** Returned for an object that cannot be read. */
class CannotRead extends Error {}

/** Headers about the body and encodings of the client, which the proxy replaces. */
const negotiated = new Set(['accept', 'accept-encoding', 'content-length', 'trailer'])

/** The largest object etcd takes is 1.5 MiB. A list of deleted objects with as many values as are read has 10 MiB. */
const answerLimits = { maxBytes: 16 * 1024 * 1024, bodyMs: 60_000 }

function found(parsed: readonly Parsed<Change>[]): WriteEffect {
  const changes: Change[] = []
  for (const each of parsed) {
    if (!each.ok) return { outcome: 'unjudged', why: 'unreadable', problem: each.problem }
    changes.push(each.value)
  }
  return { outcome: 'changes', changes }
}

/** Undefined for anything but JSON, which then is no object either. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function metadataIn(object: unknown): { readonly name: string; readonly uid: string } {
  const { name, uid } = fieldsOf(fieldsOf(object)?.metadata) ?? {}
  return { name: typeof name === 'string' ? name : '', uid: typeof uid === 'string' ? uid : '' }
}

/** A request as a dry run: nothing is written, and the answer is the result. */
export interface DryRun {
  readonly target: string
  readonly body: Buffer
  /** True if the client itself asked for one: then this is also the forwarded request. */
  readonly asked: boolean
}

/**
 * Makes a dry run of a write. The options of a delete are in its body if it has one, and then the API server
 * ignores the query (*measured*: a delete with a body and `?dryRun=All` deletes).
 *
 * @returns undefined for a body that is not clearly a dry run: it must not be sent
 */
export function dryRunOf({ method }: Write, target: string, body: Buffer): DryRun | undefined {
  if (method !== 'DELETE' || body.length === 0) {
    const { query } = targetOf(target)
    const asked = new URLSearchParams(query).getAll('dryRun').includes('All')
    // Added to every request: a dry run for this proxy may be none for Go (`dryRun=All;x`).
    return { target: `${target}${target.includes('?') ? '&' : '?'}dryRun=All`, body, asked }
  }
  const options = jsonTextOf(body)
  if (!isObjectText(options)) return undefined
  const named: unknown = JSON.parse(memberOf(options, 'dryRun')?.value ?? '[]')
  const asked = Array.isArray(named) && named.length > 0
  return { target, body: bodyOf(withMember(options, 'dryRun', '["All"]')), asked }
}

/** Options of a delete are a few hundred bytes. */
const mostOptions = 64 * 1024

const tooMany = `The options of a delete are larger than ${mostOptions} bytes, more than any delete needs`
const tooManyOptions = statusAnswer(413, tooMany)

const ownOptions = Buffer.from('{"apiVersion":"v1","kind":"DeleteOptions","dryRun":["All"]}')

/**
 * Asks the API server whether it would take a delete, with options of the proxy's own. So the proxy parses
 * nothing of a caller without the right to delete. It tries all other writes unread.
 *
 * @param enforces false if the whole guard only warns
 * @returns the answer for a caller without that right, or with too many options; undefined for all others
 */
export async function optionsRefused(
  write: Write,
  call: JudgedCall,
  {
    dryRunner: dryRunner,
    enforces,
  }: { readonly dryRunner: Pick<DryRunner, 'run'>; readonly enforces: boolean },
): Promise<CallOutcome | undefined> {
  if (write.method !== 'DELETE' || call.body.length === 0) return undefined
  // The API server rejects JSON under another content type. A body with this content type that is no JSON is
  // answered the same way. Its parameters do not count: the API server ignores them.
  const [type = ''] = (call.request.headers['content-type'] ?? '').split(';', 1)
  if (/protobuf|cbor/i.test(type)) return undefined
  if (call.body.length > mostOptions) {
    if (enforces) return { outcome: 'own', answer: tooManyOptions }
    // In warn mode the proxy must not stop it.
    return await onlyWatched(tooMany, call.forward)
  }
  // Another webhook may reject only the dry run, which says nothing about the delete.
  if (!enforces) return undefined
  const probe = { target: call.request.url ?? '/', body: ownOptions, asked: true }
  const dryRunResult = await dryRunner.run(write, probe, call)
  if (dryRunResult.status < 300 || isHeldByGuard(dryRunResult)) return undefined
  const answer = await call.forward(probe)
  if ((answer.statusCode ?? 502) >= 300) return { outcome: 'passed', answer, warnings: [] }
  answer.resume()
  return undefined
}
