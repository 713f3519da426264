#!/usr/bin/env node
import type { Registry } from 'prom-client'
import { runCommandLine } from './command-line.ts'

// Who reads no further, such as `| head`, has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  untilSignal,
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

async function measureProcess(registry: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client')
  collectDefaultMetrics({ register: registry })
}
