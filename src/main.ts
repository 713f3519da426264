#!/usr/bin/env node
import type { Registry } from 'prom-client'
import { runCommandLine } from './command-line.ts'
import { exitCode } from './commands/surroundings.ts'
import { inWords } from './text/system-error.ts'

/** Hear that standard output takes nothing any more; a command that serves goes on without it. */
const stdoutListeners = new Set<(why: string) => void>()
/** Others end, as by a signal. */
let stdoutIsLost: (name: string) => void = () => undefined
let isIncomplete = false
const untilStdoutIsLost = new Promise<string>((resolve) => (stdoutIsLost = resolve))
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  const isUnread = error.code === 'EPIPE'
  const why = isUnread ? 'nobody reads it any more (EPIPE)' : inWords(error)
  for (const hear of stdoutListeners) hear(why)
  if (stdoutListeners.size > 0) return
  // Who reads no further, such as `| head`, has seen enough. What was found out stands in the exit code all the same.
  if (!isUnread) outputIsIncomplete(why)
  stdoutIsLost('SIGPIPE')
})
// Where this is closed there is no place left to say so.
process.stderr.on('error', () => undefined)

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  untilSignal,
  onHangup,
  onStdoutClosed,
  measureProcess,
})

/** A disk that is full, for example: whatever the command found out, half of it is not there. */
function outputIsIncomplete(why: string): void {
  if (isIncomplete) return
  isIncomplete = true
  process.stderr.write(`holdfast: standard output cannot be written: ${why}. So it is not complete\n`)
  // The error may come after the command has ended.
  process.on('exit', () => (process.exitCode = exitCode.couldNotRun))
}

/** A second signal ends the process the hard way. */
function untilSignal(): Promise<string> {
  return Promise.race([untilSent(), untilStdoutIsLost])
}

function untilSent(): Promise<string> {
  const signals = ['SIGTERM', 'SIGINT'] as const
  return new Promise((resolve) => {
    const hear = (signal: string) => {
      for (const name of signals) process.removeListener(name, hear)
      resolve(signal)
    }
    for (const name of signals) process.on(name, hear)
  })
}

function onHangup(hear: () => void): () => void {
  process.on('SIGHUP', hear)
  return () => process.removeListener('SIGHUP', hear)
}

function onStdoutClosed(hear: (why: string) => void): () => void {
  stdoutListeners.add(hear)
  return () => stdoutListeners.delete(hear)
}

async function measureProcess(registry: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client')
  collectDefaultMetrics({ register: registry })
}
