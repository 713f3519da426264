import { containerLimitMiB } from '../fixtures/container-limit.ts'
import type { Clients } from './clients.ts'
import type { FaultCounts } from './faults.ts'
import type { Field } from './field.ts'
import { longMs, type Tally } from './lanes.ts'
import { type Course, judgeMemory, mib, trendsOf } from './memory.ts'
import type { Comparison } from './records.ts'
import { panicText } from './seen-versions.ts'
import type { VerdictOracle } from './verdict-oracle.ts'

/** Everything that a soak has seen. */
export interface Seen {
  readonly field: Field
  readonly tallies: readonly Tally[]
  readonly faults: FaultCounts
  readonly clients: Clients
  readonly comparison: Comparison
  readonly oracle: VerdictOracle
  readonly gaps: number
  readonly churned: number
  readonly memory: readonly Course[]
}

/** Prints the figures. @returns what does not hold, a sentence each */
export function report({ tallies, faults, clients, field, ...seen }: Seen): string[] {
  const { comparison, oracle, gaps, churned, memory } = seen
  for (const { kind, pairs, admitted, both, refused, unanswered, longestMs } of tallies)
    line(
      kind,
      `${pairs} pairs: ${admitted} admitted, ${both} times both, ${refused} denied, ${unanswered} unanswered, ${(longestMs / 1_000).toFixed(0)} s at most until the next was possible`,
    )
  for (const [fault, times] of faults) line(fault, `${times} times`)
  line('answers about Leases that were late', field.leases.slowed)
  line('writes of status besides', churned)
  const { writes, admitted, denials, unanswered, slowestMs } = clients
  line(
    'writes and dry runs of people',
    `${writes}: ${admitted} admitted, ${denials.length} denied, ${unanswered} unanswered`,
  )
  for (const [reason, times] of clients.reasons) line(`  unanswered: ${reason}`, times)
  line('the slowest answer', `${(slowestMs / 1_000).toFixed(1)} s`)
  line('panics', field.panics.length)
  line(
    'wrong verdicts',
    `${oracle.wrong.length} of ${oracle.judged} committed writes of a spec, ${gaps} gaps in the history`,
  )
  line('dangers by a write of status, which no admission can stop', oracle.dangerOfStatus.length)
  line('denials on record', `${comparison.records}, ${comparison.lost.length} lost`)
  const refusals = [...field.refused.values()].reduce((sum, each) => sum + each, 0)
  line(
    'denials of Longhorn’s controllers',
    `${refusals} of ${field.refused.size} objects, ${comparison.lostOfLonghorn.length} objects not on record`,
  )
  const courses = memory.map((course) => ({ ...course, ...trendsOf(course) }))
  for (const { name, resident, live } of courses) {
    if (live)
      line(`what ${name} keeps`, `${mib(live.first)} in the first third, ${mib(live.last)} in the last`)
    if (resident)
      line(
        `resident memory of ${name}`,
        `${mib(resident.first)} in the first third, ${mib(resident.last)} in the last`,
      )
  }
  const short = courses.filter(({ resident }) => resident === undefined).length
  const most = Math.max(...memory.flatMap(({ looks }) => looks.map(({ resident }) => resident)))
  line('resident memory of all replicas', `${mib(most)} at most, ${short} lived too short for a trend`)
  const [panic] = field.panics
  const [wrong] = oracle.wrong
  const [lost] = comparison.lost
  return [
    ...(panic ? [`a manager panicked: ${panicText(panic)}: ${JSON.stringify(panic.crash)}`] : []),
    ...(wrong ? [`a wrong verdict: ${wrong.write}, ${wrong.why}`] : []),
    ...(lost ? [`a denial of ${lost.user} is not on record: ${lost.message}`] : []),
    ...comparison.lostOfLonghorn.map((object) => `a denial of Longhorn about ${object} is not on record`),
    ...memory.flatMap((course) => judgeMemory(course, containerLimitMiB())),
    ...(tallies.some(({ pairs }) => pairs === 0) ? ['a kind of pairs was never sent'] : []),
    ...tallies.flatMap(({ kind, longestMs }) =>
      longestMs > longMs
        ? [`after ${kind} nothing was possible for ${(longestMs / 1_000).toFixed(0)} s`]
        : [],
    ),
    ...(clients.denials.length === 0 ? ['nothing was denied'] : []),
    ...(clients.admitted === 0 ? ['nothing was admitted'] : []),
  ]
}

function line(what: string, figure: string | number): void {
  console.log(`${what}: ${figure}`)
}
