import type { Connection } from '../../kubernetes/client/connection.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import type { PatchAttempt } from '../../kubernetes/node-patch.ts'
import { profileOf } from '../../longhorn/releases.ts'
import { isInDanger } from '../../rules/disks-at-risk.ts'
import { onAbort, pause, systemClock, timestamp } from '../../time/clock.ts'
import { nextChange } from '../evict/writes.ts'
import { adviceOn, attemptPatch } from './attempt.ts'
import { runRescue, type Write } from './carry-out.ts'
import { explainRescue, newsOf } from './explain.ts'
import { clearPatch, forgetPatch, isNone, raisePatch, takeOverPatch } from '../../rules/rescue/flags.ts'
import type { RescueGuard } from './guard.ts'
import type { ManagerWatch } from './look.ts'
import type { Ending, RescueStep } from '../../rules/rescue/next-step.ts'

/** What nodes are rescued with. */
export interface RescueModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly live: LiveMap
  readonly watch: ManagerWatch
  readonly guard: Pick<RescueGuard, 'policy' | 'ask' | 'isProved' | 'isHeld'>
  readonly signal: AbortSignal
  readonly note: (text: string) => void
  readonly show: (node: string, step: RescueStep) => void
  /** Who takes the flags down. */
  readonly by: string
  /** A command of Holdfast about the same cluster, to copy. */
  readonly commandOf: (words: readonly string[]) => string
  readonly wanted: Ending
  /** False if flags go up again without a guard too. */
  readonly needsGuard: boolean
  /** By the monotonic clock: when the disk map had been read. */
  readonly watchingSince: number
  /** How often the pods of the managers are looked at, in milliseconds. */
  readonly lookEveryMs: number
}

/**
 * Rescues nodes at the same time, so that one that is stuck keeps no other waiting; and those that come into danger
 * meanwhile, if no node was named.
 *
 * @returns what became of all of them
 * @throws what ended it
 */
export async function rescueNodes(
  nodes: readonly string[],
  wasNamed: boolean,
  modules: RescueModules,
): Promise<RescueEnd> {
  const rescues = new Map<string, NodeRescue>()
  const all = allOrNone(modules.signal)
  let next = nodes
  try {
    while (next.length > 0) {
      if (modules.wanted === 'raise' && modules.needsGuard) void modules.guard.ask().catch(all.end)
      const round = next.map((name) => {
        const rescue = rescues.get(name) ?? new NodeRescue(name, { ...modules, signal: all.signal })
        rescues.set(name, rescue)
        return rescue.run()
      })
      await all.of(round)
      next = wasNamed ? [] : inDanger(modules.live)
    }
  } catch (error) {
    for (const rescue of rescues.values()) rescue.reportUnfinished()
    throw error
  }
  const ends = [...rescues].flatMap(([name, { last }]) => (last ? [[name, last] as const] : []))
  return {
    failed: ends.flatMap(([name, { step }]) => (step === 'done' || step === 'gone' ? [] : [name])),
    noted: ends.flatMap(([name, last]) => (last.step === 'done' && !isNone(last.noted) ? [name] : [])),
    isHelped: [...rescues.values()].some(({ hasWritten }) => hasWritten),
  }
}

/** What became of the nodes. */
interface RescueEnd {
  /** Those that are not rescued. */
  readonly failed: readonly string[]
  /** Those whose flags stay down and noted. */
  readonly noted: readonly string[]
  /** True if something was written. */
  readonly isHelped: boolean
}

function inDanger({ map }: LiveMap): string[] {
  const profile = profileOf(map.release)
  return [...map.nodes()]
    .filter((node) => isInDanger(node, map, profile))
    .map(({ metadata }) => metadata.name)
}

/** Several pieces of work under one signal: the first that fails ends the others. */
function allOrNone(signal: AbortSignal) {
  const ending = new AbortController()
  const end = (reason: unknown): void => ending.abort(reason)
  onAbort(signal, () => end(signal.reason))
  if (signal.aborted) end(signal.reason)
  return {
    signal: ending.signal,
    end,
    of: async (work: readonly Promise<unknown>[]): Promise<void> => {
      await Promise.allSettled(work.map((each) => each.catch(end)))
      ending.signal.throwIfAborted()
    },
  }
}

/** Between two lines about the same wait, with its age. */
const sayAgainMs = 30_000

/** The rescue of one node: what it was told last, and whether its flags went up already. */
class NodeRescue {
  readonly #name: string
  readonly #modules: RescueModules
  #last: RescueStep | undefined
  #reported = { news: '', at: 0 }
  #complained = ''
  #wasRaised = false
  #hasWritten = false

  constructor(name: string, modules: RescueModules) {
    this.#name = name
    this.#modules = modules
  }

  /** The step that it came to. */
  get last(): RescueStep | undefined {
    return this.#last
  }

  /** True if it has written the node. */
  get hasWritten(): boolean {
    return this.#hasWritten
  }

  async run(): Promise<void> {
    const { live, watch, guard, wanted, needsGuard, watchingSince, signal } = this.#modules
    this.#last = await runRescue(this.#name, {
      map: live.map,
      // Flags that met a clean-up again right after they went up stay down.
      ending: this.#wasRaised && wanted === 'raise' ? 'leave-noted' : wanted,
      circumstances: () => ({ ...moment(), policy: guard.policy, pods: watch.pods, watchingSince }),
      onStep: (step) => this.#report(step),
      pause: async (ms) => {
        await pause(systemClock, ms, signal)
        signal.throwIfAborted()
      },
      changed: (until) => this.#changed(until),
      write: (step) => this.#write(step),
      isGuarded: async () => !needsGuard || (await guard.isProved()),
      isHeld: async (flags) => !needsGuard || (await guard.isHeld(this.#name, flags)),
    })
  }

  /** Says where it stands, for whoever takes it up again. */
  reportUnfinished(): void {
    const step = this.#last
    if (step && ['done', 'gone', 'blocked'].includes(step.step)) return
    const what = step ? `it was ${explainRescue(this.#name, step, this.#wording())}` : 'nothing was done'
    this.#modules.note(`${this.#name}: not finished: ${what}`)
  }

  #report(step: RescueStep): void {
    this.#last = step
    const { now } = moment()
    const news = newsOf(step)
    if (news === this.#reported.news && now - this.#reported.at < sayAgainMs) return
    if (news !== this.#reported.news) this.#modules.show(this.#name, step)
    this.#reported = { news, at: now }
    this.#modules.note(`${this.#name}: ${explainRescue(this.#name, step, this.#wording())}`)
  }

  #wording() {
    const { longhornNamespace, commandOf } = this.#modules
    return { ...moment(), longhornNamespace, commandOf, isDryRun: false }
  }

  async #changed(until = Infinity): Promise<void> {
    const { live, watch, lookEveryMs, signal } = this.#modules
    const soon = Math.min(until, systemClock.monotonic() + lookEveryMs)
    await nextChange(live, signal, { clock: systemClock, until: soon })
    await watch.look(lookEveryMs / 2)
  }

  async #write(step: Write): Promise<PatchAttempt> {
    const { by } = this.#modules
    const attempt = await attemptPatch(
      this.#name,
      (node) => {
        switch (step.step) {
          case 'clear':
            return clearPatch(node, { ...step.flags, at: timestamp(systemClock.now()), by })
          case 'take-over':
            return takeOverPatch(node, by)
          case 'raise':
            return raisePatch(step.flags)
          case 'forget':
            return forgetPatch
        }
      },
      step.step !== 'raise',
      { ...this.#modules, onLater: (message) => this.#complain(message) },
    )
    this.#hasWritten ||= attempt.outcome === 'written'
    if (attempt.outcome === 'written' && step.step === 'raise') this.#wasRaised = true
    return attempt
  }

  #complain(message: string): void {
    if (message === this.#complained) return
    this.#complained = message
    this.#modules.note(`${this.#name}: ${adviceOn(message)}`)
  }
}

function moment() {
  return { now: systemClock.monotonic(), timeOfDay: systemClock.now() }
}
