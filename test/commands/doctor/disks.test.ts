import t from 'tap'
import { checkDisks } from '../../../src/commands/doctor/callers.ts'
import { cluster, noon, type TestCluster } from '../../fixtures/cluster.ts'
import { copy, disk, pending, planned, ready, uuid } from '../../fixtures/raw-objects.ts'
import { facts, forbidden, levels, replicaPolicy, said } from './facts.ts'

const check = ({ map }: TestCluster) => checkDisks(facts({ map: { seen: map } }))

const usual = () =>
  cluster('v1.10.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2')])

t.test('an image without its file on a working disk is an error, with the remedy', (t) => {
  const findings = check(usual().image('base', [copy('d9', 'unknown')]))
  t.strictSame(levels(findings), ['error'])
  t.match(
    said(findings),
    /Backing image base has no usable copy on a disk that a node has and that is not lost: .*uuid-d9 \(which no node has\)/,
  )
  t.match(
    said(findings),
    /do not wipe[^]*longhorn-disk\.cfg[^]*kubectl -n longhorn-system delete backingimages/,
  )
  const lost = { notReady: { reason: 'ManagerPodMissing', since: new Date(noon - 3_600_000).toISOString() } }
  const dead = usual().node('n2', [disk('d2')], lost)
  t.strictSame(levels(check(dead.image('base', [copy('d2', 'unknown')]))), ['error'])
  t.end()
})

t.test(
  'a disk counts as lost after the longest time of any replica, or after the default, which doctor names',
  (t) => {
    const since = new Date(noon - 3_600_000).toISOString()
    const dead = usual().node('n2', [disk('d2')], { notReady: { reason: 'ManagerPodMissing', since } })
    const { map } = dead.image('base', [copy('d2', 'unknown')])
    const after = (...hours: (number | undefined)[]) => {
      const seen = hours.map((each, at) =>
        replicaPolicy(`r${at}`, each === undefined ? {} : { lostAfterMs: each * 3_600_000 }),
      )
      return checkDisks(facts({ map: { seen: map }, policies: { seen } }))
    }
    t.strictSame(levels(after(0.5, 0.25)), ['error'])
    t.notMatch(said(after(0.5)), 'is assumed')
    t.strictSame(levels(after(0.5, 2)), ['ok'], 'one of them still waits')
    const assumed = [
      after(0.5, undefined),
      after(),
      checkDisks(facts({ map: { seen: map }, policies: forbidden })),
    ]
    for (const findings of assumed) t.match(said(findings), 'the default lostAfter of 10m is assumed')
    t.notMatch(
      said(check(usual().image('base', [copy('d9', 'unknown')]))),
      'is assumed',
      'no time decides there',
    )
    t.end()
  },
)

t.test('a copy on a disk that no node has is reported, with the command to give it up', (t) => {
  const findings = check(usual().image('base', [ready('d1'), planned('d9'), pending('d8')]))
  t.strictSame(levels(findings), ['warn'])
  t.match(said(findings), `-p '{"spec":{"diskFileSpecMap":{"${uuid('d9')}":null}}}'`)
  const leaving = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }
  t.strictSame(levels(check(usual().image('base', [ready('d1'), ready('d9')], leaving))), ['ok'])
  t.end()
})

t.test('one UUID on several nodes is reported', (t) => {
  const findings = check(usual().node('n3', [disk('d2')]))
  t.strictSame(levels(findings), ['warn'])
  t.match(said(findings), 'Disks d2 of n2, d2 of n3 have one UUID, uuid-d2.')
  t.end()
})
