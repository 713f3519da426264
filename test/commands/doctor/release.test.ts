import t from 'tap'
import { checkRelease, checkUpgrade } from '../../../src/commands/doctor/release.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { facts, forbidden, levels, names, replicaPolicy, said } from './facts.ts'

t.test('a release that crashes is a warning, with the release to move to', (t) => {
  const cases: readonly (readonly [string | undefined, string, RegExp])[] = [
    ['v1.7.3', 'warn', /any disk of it \(profile A\)[^]*v1\.7\.4/],
    ['v1.8.1', 'warn', /an evicted disk \(profile B\)[^]*v1\.8\.2/],
    ['v1.9.0', 'warn', /profile B[^]*v1\.9\.1/],
    ['v1.10.0', 'ok', /does not crash/],
    ['v1.6.4', 'ok', /does not evict backing images[^]*v1\.7\.4/],
    ['master-head', 'warn', /"master-head"[^]*the worst is assumed/],
    [undefined, 'warn', /says nothing of its release/],
    ['v1.13.0', 'warn', /v1\.13\.0 is newer[^]*judged as v1\.12 \(profile C\)[^]*compare-crds/],
    ['v1.12.7', 'ok', /does not crash/],
  ]
  for (const [release, level, text] of cases) {
    const findings = checkRelease(facts({ map: { seen: cluster(release).node('n1', []).map } }))
    t.strictSame(levels(findings), [level], release ?? 'no release')
    t.match(said(findings), text)
  }
  t.end()
})

t.test('a release that Longhorn does not name is the one that is configured in every replica', (t) => {
  const check = (seenRelease: string | undefined, ...releases: readonly (string | null)[]) => {
    const seen = releases.map((release, at) => replicaPolicy(`holdfast-${at + 1}`, { release }))
    return levels(
      checkRelease(facts({ map: { seen: cluster(seenRelease).node('n1', []).map }, policies: { seen } })),
    )
  }
  t.strictSame(check('master-head', 'v1.10.0', 'v1.10.0'), ['ok'])
  t.strictSame(check(undefined, 'v1.10.0'), ['ok'])
  t.strictSame(check(undefined, 'v1.8.1'), ['warn'], 'it crashes')
  t.strictSame(check(undefined, 'v1.10.0', null), ['warn'], 'one replica has none configured')
  t.strictSame(check(undefined, 'v1.10.0', 'v1.9.2'), ['warn'], 'they are configured for different releases')
  t.strictSame(check('v1.8.1', 'v1.10.0'), ['warn'], 'the running release counts')
  const blind = facts({ map: { seen: cluster('odd').node('n1', []).map }, policies: forbidden })
  t.strictSame(levels(checkRelease(blind)), ['warn'])
  t.end()
})

t.test('a namespace without a Longhorn is an error', (t) => {
  const findings = checkRelease(facts({ map: { seen: cluster().map } }))
  t.strictSame(levels(findings), ['error'])
  t.match(
    said(findings),
    /no Longhorn in namespace longhorn-system: [^]*set to this namespace is not ready[^]*--longhorn-namespace/,
  )
  t.end()
})

t.test('the obstacles of an upgrade depend on the running and the next release', (t) => {
  const either = (release: string) =>
    cluster(release)
      .node('n1', [disk('d1'), disk('d2', { evictionRequested: true })], { evictionRequested: true })
      .node('n2', [disk('d3'), disk('d4', { evictionRequested: true })])
      .image('i', [pending('d1'), pending('d3')])
      .image('j', [pending('d1')])
  const check = (release: string, target?: string) =>
    checkUpgrade({ map: { seen: either(release).map }, names: { ...names, target } })

  const hidden = check('v1.10.0')
  t.strictSame(levels(hidden), ['warn', 'warn'], 'any release may come, so the worst')
  t.match(said(hidden), 'node n1 is evicted while clean-ups are pending: i on d1, j on d1')
  t.match(said(hidden), 'node n2 is evicted while the clean-up of i on d3 is pending')
  t.match(
    said(hidden),
    `-p '{"spec":{"evictionRequested":false,"disks":{"d2":{"evictionRequested":false}}}}'`,
    'it can be copied',
  )
  t.match(said(hidden), `-p '{"spec":{"disks":{"d4":{"evictionRequested":false}}}}'`)

  t.strictSame(levels(check('v1.10.0', 'v1.8.0')), ['error', 'error', 'warn'], 'A, and the release itself')
  const toB = check('v1.10.0', 'v1.9.0')
  t.strictSame(levels(toB), ['error', 'warn'], 'B looks at evicted disks only')
  t.match(said(toB), 'Longhorn must not be moved to v1.9.0 now: node n1')
  t.match(said(toB), 'Move to v1.9.1 instead')
  t.strictSame(levels(check('v1.10.0', 'v1.11.0')), ['ok'])
  t.match(said(check('v1.10.0', 'master-head')), 'as far as is known')

  const ahead = check('v1.10.0', 'v1.13.0')
  t.strictSame(levels(ahead), ['warn'])
  t.match(said(ahead), 'Longhorn v1.13.0 is newer than this version of Holdfast knows')

  const now = check('v1.8.0', 'v1.8.2')
  t.strictSame(levels(now), ['error', 'error'])
  t.match(said(now), 'Node n1 is in danger now')
  t.end()
})
