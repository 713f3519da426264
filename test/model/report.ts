import type { Explored } from './explore.ts'

/** One line for an exploration, and the way to what is broken, a line for each step. */
export function report({ scenario, states, runs, depth, counterExample }: Explored): string {
  const line = `${scenario}: ${states} states in ${runs} runs, ${depth} steps deep`
  return counterExample === undefined ? line : [line, ...counterExample].join('\n    ')
}
