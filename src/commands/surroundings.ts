import type { Readable } from 'node:stream'
import type { Registry } from 'prom-client'
import type { Clock } from '../time/clock.ts'

/** Variables of an environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where a command writes. */
export interface Output {
  /** True if a person reads it there. */
  readonly isTTY?: boolean
  /** Width of that terminal, in characters. */
  readonly columns?: number
  /** Its height, in lines. */
  readonly rows?: number
  /** What was written and is not taken yet, in bytes. */
  readonly writableLength?: number
  write(text: string): unknown
}

/** What the command line takes from the process that runs it. */
export interface Surroundings {
  readonly env: Environment
  /** Standard input, opened only by a command that reads it. */
  readonly stdin: () => Readable
  readonly stdout: Output
  readonly stderr: Output
  /** True if a person can be asked something there: standard input and standard error are a terminal. */
  readonly isInteractive: boolean
  /** The time by which an API server has to answer; that of the machine if there is none. */
  readonly clock?: Clock
  /** Resolves with the name of the first signal that asks the command to end. */
  readonly untilSignal: () => Promise<string>
  /**
   * Hears each SIGHUP. Without a listener, SIGHUP ends the process at once.
   *
   * @returns ends the hearing
   */
  readonly onHangup: (hear: () => void) => () => void
  /**
   * Hears that standard output takes nothing any more, with the reason. Without a listener the process ends quietly, as
   * `| head` wants it.
   *
   * @returns ends the hearing
   */
  readonly onStdoutClosed: (hear: (why: string) => void) => () => void
  /** Adds memory, CPU and event loop of the process to the metrics of a server. */
  readonly measureProcess: (registry: Registry) => Promise<void>
}

/** What one command takes from there, and how it says with which code the process is to end. */
export interface CommandSurroundings extends Surroundings {
  /** Standard error as it is, for what moves the cursor there. All texts that go this way have to be plain already. */
  readonly screen: Output
  /** @param code one of `exitCode`; the last call counts, and without any it is `ok` */
  readonly exitWith: (code: number) => void
}

/** What the process ends with. */
export const exitCode = {
  /** All as asked. */
  ok: 0,
  /** It ran, and the outcome is bad news. */
  failed: 1,
  /** It could not run: wrong flags, no cluster, a file that cannot be read. */
  couldNotRun: 2,
} as const

/** Thrown by a command that cannot run, with a message for the person who typed it. */
export class CannotRun extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CannotRun'
  }
}
