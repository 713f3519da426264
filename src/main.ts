#!/usr/bin/env node
import type { Registry } from 'prom-client'
import { runCommandLine } from './command-line.ts'

/** Hear that standard output takes nothing any more; a command that serves goes on without it. */
const stdoutListeners = new Set<(why: string) => void>()
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  for (const hear of stdoutListeners) hear(error.code ?? error.message)
  if (stdoutListeners.size > 0) return
  if (error.code !== 'EPIPE') throw error
  // Who reads no further, such as `| head`, has seen enough.
  process.exit()
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

/** A second signal ends the process the hard way. */
function untilSignal(): Promise<string> {
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
