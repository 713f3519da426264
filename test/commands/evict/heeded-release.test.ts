import t from 'tap'
import { heededRelease } from '../../../src/commands/evict/heeded-release.ts'
import { replicaPolicy } from '../doctor/facts.ts'

const configured = (...releases: (string | null)[]) => ({
  seen: releases.map((release, at) => replicaPolicy(`r${at}`, { release })),
})

t.test('an eviction heeds the more dangerous of the running release and those of the guard', (t) => {
  const cases = [
    ['v1.10.0', configured(null, null), 'v1.10.0', false],
    ['v1.10.0', configured('v1.8.0', null), 'v1.8.0', true],
    ['v1.10.0', configured('v1.8.1', 'v1.8.0'), 'v1.8.0', true],
    ['v1.8.0', configured('v1.10.0'), 'v1.8.0', false],
    ['v1.8.1', configured('v1.8.0'), 'v1.8.0', true],
    [undefined, configured('v1.10.0'), undefined, false],
    ['v1.10.0', { problem: 'ann may not list pods' }, 'v1.10.0', false],
  ] as const
  for (const [running, policies, release, isConfigured] of cases)
    t.strictSame(
      heededRelease(running, policies),
      { release, isConfigured },
      JSON.stringify([running, policies]),
    )
  t.end()
})
