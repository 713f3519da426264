import type { Readable } from 'node:stream'
import type { Registry } from 'prom-client'
import type { Clock } from '../time/clock.ts'

/** Variables of an environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A stream that a command writes to. */
export interface Output {
  /** True if it is a terminal. */
  readonly isTTY?: boolean
  /** Width of that terminal, in characters. */
  readonly columns?: number
  /** Its height, in lines. */
  readonly rows?: number
  /** The size of the output that still waits to be written, in bytes. */
  readonly writableLength?: number
  write(text: string): unknown
}

/** The parts of its process that the command line uses. */
export interface Surroundings {
  /** The name by which the user called it, for usage lines: `kubectl holdfast`; `holdfast` by default. */
  readonly calledAs?: string
  readonly env: Environment
  /** Standard input, opened only by a command that reads it. */
  readonly stdin: () => Readable
  readonly stdout: Output
  readonly stderr: Output
  /** True if the user can be prompted: standard input and standard error are a terminal. */
  readonly isInteractive: boolean
  /** The clock that limits the API server's answers; the machine's by default. */
  readonly clock?: Clock
  /** Resolves with the name of the first signal that asks the command to end. */
  readonly untilSignal: () => Promise<string>
  /**
   * Listens for SIGHUP. Without a listener, SIGHUP ends the process at once.
   *
   * @returns removes the listener
   */
  readonly onHangup: (listener: () => void) => () => void
  /**
   * Listens for a failure of standard output, with the reason. Without a listener the process ends quietly,
   * as `| head` expects.
   *
   * @returns removes the listener
   */
  readonly onStdoutClosed: (listener: (why: string) => void) => () => void
  /**
   * Listens for keys, each as it is pressed. Undefined unless standard input is a terminal.
   *
   * @returns removes the listener
   */
  readonly onKey?: (listener: (typed: string) => void) => () => void
  /** Called by a command that serves for long: its process then takes less memory. */
  readonly saveMemory?: () => void
  /** Adds memory, CPU and event loop of the process to the metrics of a server. */
  readonly measureProcess: (registry: Registry) => Promise<void>
  /** Shows the sources in a stack trace, where the program is a bundle. */
  readonly inSources?: (stack: string) => string
}

/** The part of the surroundings that one command uses, and its exit code. */
export interface CommandSurroundings extends Surroundings {
  /** Standard error without escaping, for blocks that move the cursor. All texts that go this way have to be plain already. */
  readonly screen: Output
  /** @param code one of `exitCode`; the last call counts, and without any it is `ok` */
  readonly exitWith: (code: number) => void
}

/** The exit codes. */
export const exitCode = {
  /** Success. */
  ok: 0,
  /** The command ran, and the outcome is bad news. */
  failed: 1,
  /** The command could not run: wrong flags, no cluster, an unreadable file. */
  couldNotRun: 2,
  /** What was urgent is done, and something is left for a person to do later. */
  leftUndone: 3,
} as const

/** Thrown by a command that cannot run, with a message for the user. */
export class CannotRun extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CannotRun'
  }
}
