import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { DenialStatus } from '../../../gate/answer.ts'
import type { Decide, Outcome as GateOutcome } from '../../../gate/ports.ts'
import type { Change, Request } from '../../../rules/change.ts'
import { pause, systemClock } from '../../../time/clock.ts'
import {
  type CallOutcome,
  decidingMs,
  type Rewrite,
  type JudgedCall,
  maxLate,
  own,
  type OwnAnswer,
  passed,
  type ProxyDoor,
} from '../door.ts'
import { endToEnd } from '../headers.ts'
import { forwardThenRelease } from '../judged-request.ts'
import { RelayFailure, tooLate } from '../relay-failure.ts'
import { judgedOrNot, undecided, unjudged } from '../unjudged.ts'
import { bind, type Bound } from './bind.ts'
import { type DetourModules, Detours } from './detours.ts'
import { type Doubt, notJson, tooMuchIn, tooMuchLeft } from './doubt.ts'
import {
  type DryRun,
  dryRunOf,
  heldBy,
  isHeldByGuard,
  optionsRefused,
  DryRunner,
  type DryRunnerModules,
  type DryRunAnswer,
} from './dry-run.ts'
import {
  deniedAnswer,
  heldAnswer,
  recordedAs,
  statusAnswer,
  unauthorized,
  type Write,
  writeOf,
} from './write.ts'

/** The options of this door. */
interface KubernetesDoorOptions {
  readonly longhornNamespace: string
  /** How long it holds a write, in milliseconds, if its client waits that long. */
  readonly holdMs: number
}

/** The parts of this door. */
export interface KubernetesDoorModules extends DryRunnerModules, DetourModules {
  readonly decide: Decide
  /** Aborted once holds have to end. */
  readonly stopping: AbortSignal
}

/** How often a write is judged again because its object changed meanwhile. */
const maxRounds = 10

/**
 * The door before the Kubernetes API. It judges the result of a write, which the API server itself computes.
 */
export class KubernetesDoor implements ProxyDoor {
  readonly #options: KubernetesDoorOptions
  readonly #modules: KubernetesDoorModules
  readonly #dryRunner: DryRunner
  readonly #detours: Detours

  constructor(options: KubernetesDoorOptions, modules: KubernetesDoorModules) {
    this.#options = options
    this.#modules = modules
    this.#dryRunner = new DryRunner(modules)
    this.#detours = new Detours(options.longhornNamespace, modules)
  }

  judge(method: string, target: string): ((judged: JudgedCall) => Promise<CallOutcome>) | undefined {
    const detour = this.#detours.judge(method, target)
    if (detour) return detour
    const write = writeOf(method, target)
    if (write?.namespace !== this.#options.longhornNamespace) return undefined
    return (judged) => this.#judge(write, judged)
  }

  get watches(): boolean {
    return !this.#modules.enforces
  }

  failure(status: number, message: string): OwnAnswer {
    return statusAnswer(status, message)
  }

  async #judge(write: Write, call: JudgedCall): Promise<CallOutcome> {
    const { request } = call
    const { enforces } = this.#modules
    const { is, actor } = await this.#modules.whoIs(endToEnd(request.rawHeaders))
    // The API server would answer that to the dry run, and to the write after it.
    if (is === 'stranger' && enforces) return own(unauthorized)
    const refused = await optionsRefused(write, call, { dryRunner: this.#dryRunner, enforces })
    if (refused) return refused
    const dry = dryRunOf(write, request.url ?? '/', call.body)
    const dryRun = dry?.asked ?? false
    const asked: Request = { uid: randomUUID(), actor, dryRun, door: 'proxy-kubernetes' }
    if (!dry) return await this.#unjudged(write, asked, notJson, call)
    const tooMuch = tooMuchIn(write, call)
    if (tooMuch) return await this.#unjudged(write, asked, tooMuch, call)
    const answer = statusAnswer(500, undecided)
    return await judgedOrNot(this.#modules, recordedAs(write, asked), call, answer, () =>
      this.#decideAndPass(write, dry, asked, call),
    )
  }

  async #decideAndPass(write: Write, dry: DryRun, asked: Request, call: JudgedCall): Promise<CallOutcome> {
    const { signal, forward } = call
    const end = performance.now() + this.#options.holdMs
    let late = 0
    for (let round = 0; round < maxRounds; round += 1) {
      const tried = await this.#tryUntil(end, write, dry, call)
      // In warn mode a failed dry run does not stop a write: another webhook may reject only the dry run.
      if (tried === 'failed' || (tried.status >= 300 && !this.#modules.enforces))
        return passed(await forward(dry.asked ? dry : undefined))
      // Failures of the API server's own come from it, and in the client's own encoding.
      if (tried.status >= 300) {
        // The webhook answers a dry run without a Retry-After, and the writing client has to retry.
        const held = dry.asked ? undefined : heldBy(tried)
        if (held !== undefined) return own(heldAnswer(held))
        const answer = await forward(dry)
        if (dry.asked || (answer.statusCode ?? 502) >= 300) return passed(answer)
        // The reason for the hold has ended, and nothing is written yet.
        answer.resume()
        continue
      }
      const tooMuch = tooMuchLeft(write, tried)
      if (tooMuch) return await this.#unjudged(write, asked, tooMuch, call)
      const found = await this.#dryRunner.changes(write, tried, asked, signal)
      if (found.outcome === 'changed-meanwhile') continue
      if (found.outcome === 'clears-flags') return passed(await forward(dry.asked ? dry : undefined))
      if (found.outcome === 'unjudged') return await this.#unjudged(write, asked, found, call)
      const decided = await this.#decide(found.changes, end - performance.now(), signal)
      if (decided.denied) return own(deniedAnswer(decided.denied))
      const done = await this.#commit(write, dry, call, decided)
      if (typeof done !== 'string') return passed(done, decided.warnings)
      signal.throwIfAborted()
      if (done === 'late' && ++late === maxLate) throw tooLate()
    }
    const problem = 'it changes faster than it can be judged; try again'
    return await this.#unjudged(write, asked, { why: 'undecided', problem }, call)
  }

  /**
   * Makes the dry run, and repeats it while the guard's own webhook holds it and there is time.
   *
   * @returns `failed` if it cannot be made and nothing is enforced
   * @throws RelayFailure if something is
   */
  async #tryUntil(
    end: number,
    write: Write,
    dry: DryRun,
    call: JudgedCall,
  ): Promise<DryRunAnswer | 'failed'> {
    const { enforces } = this.#modules
    for (;;) {
      const tried = await this.#dryRunner.run(write, dry, call).catch((error: unknown) => {
        if (enforces || !(error instanceof RelayFailure)) throw error
        return 'failed' as const
      })
      if (
        tried === 'failed' ||
        !enforces ||
        !isHeldByGuard(tried) ||
        performance.now() >= end ||
        this.#modules.stopping.aborted
      )
        return tried
      await pause(systemClock, retryMs, AbortSignal.any([call.signal, this.#modules.stopping]))
      call.signal.throwIfAborted()
    }
  }

  /** All or none: the reservations of the others are released. */
  async #decide(changes: readonly Change[], budgetMs: number, signal: AbortSignal): Promise<Decided> {
    const decisions: GateOutcome[] = []
    const release = async (): Promise<void> => {
      for (const decision of decisions) await decision.release?.()
    }
    const isLate = (): boolean => decisions.some((each) => each.isLate?.() === true)
    for (const change of changes) {
      const wait = { budgetMs: Math.max(0, budgetMs) + decidingMs, signal }
      const decision = await this.#modules.decide(change, wait)
      decisions.push(decision)
      if (decision.answer.allowed) continue
      await release()
      return { changes, denied: decision.answer.status, warnings: [], reserved: false, release, isLate }
    }
    const warnings = decisions.flatMap(({ answer }) => answer.warnings)
    return {
      changes,
      denied: undefined,
      warnings,
      reserved: decisions.some((each) => each.release),
      release,
      isLate,
    }
  }

  /**
   * Forwards an admitted write.
   *
   * @returns `moved` if the object has changed since it was judged, or the client has gone. `late` if the
   * first admission may be too old, since another of the changes was held or the API server was slow
   */
  async #commit(
    write: Write,
    dry: DryRun,
    call: JudgedCall,
    decided: Decided,
  ): Promise<IncomingMessage | 'changed-meanwhile' | 'late'> {
    const [before] = decided.changes.flatMap((change) => change.before ?? [])
    const version = write.name === undefined || dry.asked ? undefined : before?.metadata.resourceVersion
    const bound = version === undefined ? undefined : bindTo(version, write, call)
    try {
      const isLoose = decided.reserved && (bound === undefined || bound.by === 'nobody')
      const isStill = !isLoose || (await this.#isStill(decided.changes, write, dry, call))
      const isLate = decided.isLate()
      if (!isStill || isLate || call.signal.aborted) {
        await decided.release()
        return isStill && isLate ? 'late' : 'changed-meanwhile'
      }
    } catch (error) {
      await decided.release()
      throw error
    }
    const instead: Rewrite | undefined = dry.asked ? dry : bound && { body: bound.body }
    const answer = await forwardThenRelease((isLate) => call.forward(instead, isLate), decided)
    // A failed test of a JSON patch is 422. If it was the client's own, the next dry run says so.
    if (bound?.by !== 'proxy' || (answer.statusCode !== 409 && answer.statusCode !== 422)) return answer
    answer.resume()
    return 'changed-meanwhile'
  }

  /**
   * True if a write without a bound version would still make the judged changes. No other proxy writes its
   * objects until it was answered (writeLock in gate).
   */
  async #isStill(changes: readonly Change[], write: Write, dry: DryRun, call: JudgedCall): Promise<boolean> {
    const [change] = changes
    if (write.method === 'POST' || dry.asked || !change) return true
    const versions = (all: readonly Change[]): string => all.map(versionOf).toSorted().join(' ')
    const tried = await this.#dryRunner.run(write, dry, call)
    const found = await this.#dryRunner.changes(write, tried, change.request, call.signal)
    return found.outcome === 'changes' && versions(found.changes) === versions(changes)
  }

  #unjudged(
    write: Write,
    request: Request,
    { why, problem, status }: Doubt,
    { forward }: JudgedCall,
  ): Promise<CallOutcome> {
    const message = `Holdfast cannot tell whether this write to ${write.kind} ${write.name ?? ''} is safe: ${problem}`
    const answer = statusAnswer(status ?? (why === 'unreadable' ? 403 : 503), message)
    return unjudged(this.#modules, { ...recordedAs(write, request), why }, { answer, message }, forward)
  }
}

/** A clean-up takes 1–5 s (longhorn.md §2). */
const retryMs = 500

interface Decided {
  readonly changes: readonly Change[]
  readonly denied: DenialStatus | undefined
  readonly warnings: readonly string[]
  /** True if they have a reservation: they are arming changes. */
  readonly reserved: boolean
  readonly release: () => Promise<void>
  readonly isLate: () => boolean
}

/** The object of a change, and its version. */
function versionOf({ before }: Change): string {
  return before ? `${before.metadata.name}/${before.metadata.uid}/${before.metadata.resourceVersion}` : ''
}

function bindTo(resourceVersion: string, { method }: Write, { request, body }: JudgedCall): Bound {
  const hasQuery = request.url?.includes('?') ?? false
  return bind(body, { method, hasQuery, contentType: request.headers['content-type'], resourceVersion })
}
