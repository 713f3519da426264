import type { Decide, UnjudgedWrite } from '../../../src/gate/ports.ts'
import type { Change } from '../../../src/rules/change.ts'

/** The parts of a door that admits everything, and counts unreleased reservations. */
export function admitting() {
  const decided: Change[] = []
  const denied: UnjudgedWrite[] = []
  let reserved = 0
  const decide: Decide = (change) => {
    decided.push(change)
    reserved += 1
    const release = (): Promise<void> => {
      reserved -= 1
      return Promise.resolve()
    }
    const verdict = { decision: 'allow', warnings: [] } as const
    return Promise.resolve({ verdict, answer: { allowed: true, warnings: [] }, release })
  }
  const modules = { decide, denied: (write: UnjudgedWrite) => void denied.push(write) }
  return { modules, decided, denied, reserved: () => reserved }
}
