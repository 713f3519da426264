import type { Log } from '../../../src/doors/webhook/log.ts'
import { defaultReviewOptions } from '../../../src/doors/webhook/reviewer.ts'
import type { Outcome, UnjudgedWrite, WaitBudget } from '../../../src/gate/ports.ts'
import { type Change, isArming, nameOf } from '../../../src/rules/change.ts'
import type { Finding } from '../../../src/rules/finding.ts'
import type { Timers } from '../../../src/time/clock.ts'
import { said } from '../../fixtures/said.ts'

/** A finding of one rule; its text does not matter here. */
export function finding<E extends Finding['effect']>(effect: E, message = 'a clean-up is pending') {
  return { rule: 'eviction-during-cleanup', effect, subjects: [], ...said(message) } as const
}

/** The decision to allow, with these warnings. */
export function allowed(...warnings: string[]): Outcome {
  return {
    verdict: { decision: 'allow', warnings: warnings.map((text) => finding('warn', text)) },
    answer: { allowed: true, warnings },
  }
}

/** The decision to hold back the change. */
export function held(change: Change, message = 'a clean-up is pending'): Outcome {
  return {
    verdict: { decision: 'hold', objections: [finding('hold', message)], warnings: [] },
    answer: {
      allowed: false,
      warnings: [],
      status: {
        code: 429,
        reason: 'TooManyRequests',
        message,
        details: {
          name: nameOf(change),
          group: 'longhorn.io',
          kind: change.kind,
          causes: [{ reason: 'eviction-during-cleanup', message, field: 'spec' }],
          retryAfterSeconds: 2,
        },
      },
    },
  }
}

/** A gate with prepared answers that records its calls. */
export class FakeGate {
  readonly asked: (WaitBudget & { readonly change: Change })[] = []
  /** Switch to make it hold, fail or hang. */
  answer: (change: Change) => Promise<Outcome> = () => Promise.resolve(allowed())

  readonly decide = (change: Change, patience: WaitBudget): Promise<Outcome> => {
    this.asked.push({ change, ...patience })
    return this.answer(change)
  }
}

/** A client that does not go away. */
const signal = new AbortController().signal

/** The client stays until its answer comes. */
export const awaited = (): AbortSignal => signal

/** Timers that fire when the test says so. */
export class ManualTimers implements Timers {
  readonly waiting = new Set<{ readonly ms: number; readonly fire: () => void }>()

  setTimer(ms: number, fire: () => void): () => void {
    const timer = { ms, fire }
    this.waiting.add(timer)
    return () => this.waiting.delete(timer)
  }

  /** Fires all that wait. */
  fireAll(): void {
    for (const timer of [...this.waiting]) {
      this.waiting.delete(timer)
      timer.fire()
    }
  }
}

/** A log that keeps its lines. */
export class FakeLog implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  readonly info: Log['info'] = (fields, message) => this.lines.push({ level: 'info', message, fields })
  readonly warn: Log['warn'] = (fields, message) => this.lines.push({ level: 'warn', message, fields })
  readonly error: Log['error'] = (fields, message) => this.lines.push({ level: 'error', message, fields })
}

/** All that a reviewer works with, faked but for telling arming changes. */
export function fakes() {
  const [gate, log, timers] = [new FakeGate(), new FakeLog(), new ManualTimers()]
  const metrics = { contentType: 'text/plain', metrics: () => Promise.resolve('holdfast_holds 0\n') }
  const now = () => 0
  const denials: UnjudgedWrite[] = []
  const denied = (write: UnjudgedWrite) => void denials.push(write)
  return {
    gate,
    log,
    timers,
    denials,
    modules: { decide: gate.decide, isArming, denied, log, timers, now, metrics, unready: () => undefined },
  }
}

export { defaultReviewOptions as options }
