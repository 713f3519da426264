import { readFileSync, writeFileSync } from 'node:fs'
import type { Figure } from '../contest/rounds.ts'
import type { Profile } from './profile.ts'

/** The figures of one run, kept in bench/record.json: docs/performance.md is made from them, and later runs are judged by them. */
export interface Recorded {
  /** The machine and the versions. */
  readonly machine: string
  readonly reviews: readonly Figure[]
  readonly proxies: readonly Figure[]
  /** What Holdfast and the bare server do with their time. */
  readonly profiles: readonly Profile[]
  /** A sentence for each server that could not run there. */
  readonly missing: readonly string[]
}

export function readRecord(path: string): Recorded {
  return JSON.parse(readFileSync(path, 'utf8')) as Recorded
}

export function writeRecord(path: string, record: Recorded): void {
  writeFileSync(path, `${JSON.stringify(record, rounded, 2)}\n`)
}

/** Five digits are more than two runs agree on. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value
}
