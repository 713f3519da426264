import type { HeldChange } from '../../src/gate/held-change.ts'

/** A hold that began at 0 by the monotonic clock, with whatever a test is about. */
export function held(parts: Partial<HeldChange> = {}): HeldChange {
  return {
    id: 1,
    request: { uid: 'request-1', user: 'ann', door: 'webhook' },
    operation: 'UPDATE',
    object: { kind: 'Node', name: 'n1', uid: 'uid-n1' },
    doing: 'evicting d2 of n1',
    since: 0,
    isRetry: false,
    until: 8_500,
    causes: [
      {
        rule: 'eviction-during-cleanup',
        found: 'backing image ubuntu is still being removed from d1 (for 12s)',
        subject: { node: 'n1', disk: 'd1', diskUUID: 'uuid-d1', image: 'ubuntu' },
        since: -12_000,
      },
    ],
    moreCauses: 0,
    nodes: ['n1'],
    ...parts,
  }
}

/** A clock that shows so many milliseconds, and noon. */
export function at(ms: number) {
  return { monotonic: () => ms, now: () => Date.parse('2026-11-23T12:00:00Z') + ms }
}
