const signals = ['SIGTERM', 'SIGINT'] as const

/** Resolves with the first signal that asks the process to end. A second one ends it the hard way. */
export function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    const hear = (signal: string) => {
      for (const name of signals) process.removeListener(name, hear)
      resolve(signal)
    }
    for (const name of signals) process.on(name, hear)
  })
}
