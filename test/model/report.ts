import type { Explored } from './explore.ts'

/** One line for an exploration, and a line for each step to a broken promise. */
export function report({ scenario, states, runs, depth, counterExample }: Explored): string {
  const line = `${scenario}: ${states} states in ${runs} runs, ${depth} steps deep`
  return counterExample === undefined ? line : [line, ...counterExample].join('\n    ')
}
