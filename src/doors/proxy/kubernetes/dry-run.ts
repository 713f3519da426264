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
import { isCure, onlyWatched } from '../unjudged.ts'
import { changeFrom, fieldsOf, isOlder } from './resulting-change.ts'
import { statusAnswer, type Write } from './write.ts'

/** What trying works with. */
export interface TrialModules {
  /** Asks the upstream with the rights of whoever asked. @throws RelayFailure */
  readonly ask: (outgoing: Outgoing, signal: AbortSignal) => Promise<http.IncomingMessage>
  /** Reads past every cache; undefined if there is no such object. @throws when it cannot be read */
  readonly read: (kind: JudgedKind, name: string, signal: AbortSignal) => Promise<JudgedObject | undefined>
  /** The object as the disk map has it; undefined if that does not know it. */
  readonly known: (kind: JudgedKind, name: string) => JudgedObject | undefined
}

/** What the API server says to a dry run. */
export interface Tried {
  readonly status: number
  /** Empty if that is too long to be read. */
  readonly text: string
  readonly isTooLong: boolean
}

/** True if the guard's own webhook holds it back. Names of disks are free text, so only the beginning of the message counts. */
export function isHeld(tried: Tried): boolean {
  return heldBy(tried) !== undefined
}

/** What the guard's own webhook says of a write that it holds back, as it would say it of the write itself. */
export function heldBy({ status, text }: Tried): string | undefined {
  if (status !== 429) return undefined
  const message = fieldsOf(jsonIn(text))?.message
  if (typeof message !== 'string' || !message.startsWith(heldByGuard)) return undefined
  return message.replace(`${heldByGuard}: ${wouldWait}`, `${heldByGuard}: `)
}

/** As it is registered. */
const heldByGuard = 'admission webhook "guard.holdfast.dev" denied the request'

/** What a write turns out to be. */
type Found =
  | { readonly outcome: 'changes'; readonly changes: readonly Change[] }
  /** The object has changed since the dry run. */
  | { readonly outcome: 'moved' }
  /** The object cannot be read as it is now, but this can do nothing but good. */
  | { readonly outcome: 'cure' }
  | { readonly outcome: 'unjudged'; readonly why: 'unreadable' | 'undecided'; readonly problem: string }

/** Finds out what a write would result in: patches, defaults, conflicts and rights are the API server's to tell. */
export class Trial {
  readonly #modules: TrialModules

  constructor(modules: TrialModules) {
    this.#modules = modules
  }

  /** Has it done as a dry run. @throws RelayFailure, or the signal's reason */
  async run({ method }: Write, { target, body }: DryRun, { request, signal }: JudgedCall): Promise<Tried> {
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

  /** Compares what it answered with what is there. @throws the signal's reason */
  async changes(write: Write, { text }: Tried, request: Request, signal: AbortSignal): Promise<Found> {
    const { kind, method } = write
    const object = jsonIn(text)
    if (method === 'DELETE' && write.name === undefined) {
      const items: unknown = fieldsOf(object)?.items
      return await this.#allDeleted(kind, Array.isArray(items) ? items : [], request, signal)
    }
    const after = method === 'DELETE' ? undefined : (object ?? null)
    // The dry run says so if it is there already. A name in the path is not looked at (*measured*).
    if (method === 'POST') return found([changeFrom({ kind, before: undefined, after, request })])
    const name = write.name ?? metadataIn(object).name
    const before = await this.#stored(kind, name, signal)
    if (before instanceof CannotRead) {
      const last = changeFrom({ kind, before: this.#modules.known(kind, name), after, request })
      if (last.ok && isCure(last.value)) return { outcome: 'cure' }
      return { outcome: 'unjudged', why: 'undecided', problem: before.message }
    }
    if (method === 'DELETE' && !before) return { outcome: 'moved' }
    const change = changeFrom({ kind, before, after, request })
    // What a dry run answers has the version that it was made on.
    const version = change.ok ? change.value.after?.metadata.resourceVersion : undefined
    const moved = version !== undefined && version !== (before?.metadata.resourceVersion ?? '')
    return moved ? { outcome: 'moved' } : found([change])
  }

  /**
   * Each object of a collection that would go. The API server answers with them as they were before, and others may with
   * them as they are after: what is terminating passes, so that is asked of the stored object.
   */
  async #allDeleted(
    kind: JudgedKind,
    items: readonly unknown[],
    request: Request,
    signal: AbortSignal,
  ): Promise<Found> {
    const all: Parsed<Change>[] = []
    for (const item of items) {
      const before = await this.#itemBefore(kind, item, signal)
      if (before instanceof CannotRead)
        return { outcome: 'unjudged', why: 'undecided', problem: before.message }
      if (!before) return { outcome: 'moved' }
      all.push(before.ok ? changeFrom({ kind, before: before.value, after: undefined, request }) : before)
    }
    return found(all)
  }

  /** Such an object as it is before its deletion; undefined if that is another one by now. @throws the signal's reason */
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
    // It never ends otherwise than by being gone.
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

/** Returned for an object that cannot be read as it is now. */
class CannotRead extends Error {}

/** Of the body and encodings of the client, in the place of which come the proxy's own. */
const negotiated = new Set(['accept', 'accept-encoding', 'content-length', 'trailer'])

/** The largest object etcd takes is 1.5 MiB. A list of what is deleted with as many values as are read has 10 MiB. */
const answerLimits = { maxBytes: 16 * 1024 * 1024, bodyMs: 60_000 }

function found(parsed: readonly Parsed<Change>[]): Found {
  const changes: Change[] = []
  for (const each of parsed) {
    if (!each.ok) return { outcome: 'unjudged', why: 'unreadable', problem: each.problem }
    changes.push(each.value)
  }
  return { outcome: 'changes', changes }
}

/** Undefined for what is no JSON, which then is no object either. */
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

/** A request as a dry run: nothing is written, and the answer is what would be. */
export interface DryRun {
  readonly target: string
  readonly body: Buffer
  /** True if the client asked for one itself: then this is what is passed on, too. */
  readonly asked: boolean
}

/**
 * Makes a dry run of a write. The options of a delete are in its body if it has one, and then the query is not looked at
 * (*measured*: a delete with a body and `?dryRun=All` deletes).
 *
 * @returns undefined for a body that nobody can tell to be one: it must not be sent
 */
export function dryRunOf({ method }: Write, target: string, body: Buffer): DryRun | undefined {
  if (method !== 'DELETE' || body.length === 0) {
    const { query } = targetOf(target)
    const asked = new URLSearchParams(query).getAll('dryRun').includes('All')
    // Added whatever the client asked: what looks like a dry run here may be none to Go (`dryRun=All;x`).
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
 * Asks the API server whether it takes a delete with options at all, with options of the proxy's own. So nothing is
 * parsed of a caller who may not delete. All other writes are tried as they are before they are read.
 *
 * @param enforces false where the whole guard only watches
 * @returns what the caller is told who may not, or whose options are too many; undefined for all else
 */
export async function optionsRefused(
  write: Write,
  call: JudgedCall,
  { trial, enforces }: { readonly trial: Pick<Trial, 'run'>; readonly enforces: boolean },
): Promise<CallOutcome | undefined> {
  if (write.method !== 'DELETE' || call.body.length === 0) return undefined
  // JSON under another name is nonsense to the API server; what has that name is no JSON, and is answered so.
  // Its parameters do not count: the API server does not look at them.
  const [type = ''] = (call.request.headers['content-type'] ?? '').split(';', 1)
  if (/protobuf|cbor/i.test(type)) return undefined
  if (call.body.length > mostOptions) {
    if (enforces) return { outcome: 'own', answer: tooManyOptions }
    // What the guard would only watch it must not stop.
    return await onlyWatched(tooMany, call.forward)
  }
  // Another webhook may refuse to have a delete tried, which says nothing of the delete.
  if (!enforces) return undefined
  const probe = { target: call.request.url ?? '/', body: ownOptions, asked: true }
  const tried = await trial.run(write, probe, call)
  if (tried.status < 300 || isHeld(tried)) return undefined
  const answer = await call.forward(probe)
  if ((answer.statusCode ?? 502) >= 300) return { outcome: 'passed', answer, warnings: [] }
  answer.resume()
  return undefined
}
