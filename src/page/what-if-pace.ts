import type { Clock } from '../time/clock.ts'

/** After an answer that took long, the next comes so many times later: decisions come first. */
const pauseFactor = 10

/** A shorter answer delays no decision, in milliseconds. */
const shortMs = 50

/** Bounds the share of its time that a server spends on answers to what-if. */
export class WhatIfPace {
  readonly #clock: Pick<Clock, 'monotonic'>
  #notBefore = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** In how many seconds the next question is answered; 0 if now. */
  get waitSeconds(): number {
    return Math.max(0, Math.ceil((this.#notBefore - this.#clock.monotonic()) / 1_000))
  }

  /** Takes the time of an answer. */
  measured<T>(answer: () => T): T {
    const began = this.#clock.monotonic()
    const given = answer()
    const tookMs = this.#clock.monotonic() - began
    this.#notBefore = tookMs < shortMs ? 0 : began + tookMs * (1 + pauseFactor)
    return given
  }
}
