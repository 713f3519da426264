import type { Replica } from './replica.ts'
import type { ModelTime } from './time.ts'
import type { Step } from './step.ts'

/** The time of day of a replica is set: right, an hour back, or an hour ahead. */
export function* clockSteps(replicas: readonly Replica[], time: ModelTime): Iterable<Step> {
  for (const { id, crashed } of replicas) {
    if (crashed) continue
    for (const hours of [-1, 0, 1]) {
      const ms = hours * 3_600_000
      if (time.wrongBy(id) === ms) continue
      const what = `the clock of replica ${id} is set ${hours} h ahead`
      yield { what, replica: undefined, take: () => time.setWrong(id, ms) }
    }
  }
}
