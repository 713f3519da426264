import fc from 'fast-check'
import t from 'tap'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { type Change, isArming } from '../../src/rules/change.ts'
import type { Finding } from '../../src/rules/finding.ts'
import { judge } from '../../src/rules/judge.ts'
import { defaultPolicy, type Policy } from '../../src/rules/policy.ts'
import { crashes } from '../../src/sandbox/controllers/crash-predicate.ts'
import { anyCase, type RawImage, type RawNode, type World, type Write } from '../fixtures/any-world.ts'
import { longhornAccount, moment, noon, parsed, releases, request } from '../fixtures/cluster.ts'
import { rawNode, uuid } from '../fixtures/raw-objects.ts'
import { depth } from '../fixtures/thorough.ts'

function mapOf(world: World): DiskMap {
  const map = new DiskMap()
  const release = { metadata: { name: 'current-longhorn-version' }, value: releases[world.profile] }
  map.apply(parsed('Setting', release), noon)
  for (const node of world.nodes.values()) map.apply(parsed('Node', node), noon)
  for (const image of world.images.values()) map.apply(parsed('BackingImage', image), noon)
  for (const source of world.sources.values()) map.apply(parsed('BackingImageDataSource', source), noon)
  world.replicas.forEach(({ image, disk }, index) => {
    const raw = { metadata: { name: `r${index}` }, spec: { backingImage: image, diskID: uuid(disk) } }
    map.apply(parsed('Replica', raw), noon)
  })
  return map
}

function changeOf(world: World, write: Write): Change {
  const by = request({ actor: longhornAccount })
  const { name } = write.after.metadata
  if (write.kind === 'Node') {
    const before = parsed('Node', world.nodes.get(name))
    return { kind: 'Node', operation: 'UPDATE', before, after: parsed('Node', write.after), request: by }
  }
  const before = parsed('BackingImage', world.images.get(name))
  const after = parsed('BackingImage', write.after)
  return { kind: 'BackingImage', operation: 'UPDATE', before, after, request: by }
}

function afterwards(world: World, write: Write): World {
  const { name } = write.after.metadata
  return write.kind === 'Node'
    ? { ...world, nodes: new Map([...world.nodes, [name, write.after]]) }
    : { ...world, images: new Map([...world.images, [name, write.after]]) }
}

/** The nodes whose manager crashes, by the truth that the embedded cluster crashes by. */
function crashing({ profile, nodes, images }: World): string[] {
  const object = <T extends RawNode | RawImage>(raw: T) => ({ apiVersion: '', kind: '', ...raw })
  const all = [...images.values()].map(object)
  return [...nodes.values()]
    .filter((node) => crashes(profile, object(node), all) !== undefined)
    .map((node) => node.metadata.name)
}

function isStopped(findings: readonly Finding[]): boolean {
  return findings.some(({ effect }) => effect !== 'warn')
}

const runs = { numRuns: depth(300, 5_000) }

/** How often at least each case has to come up, for a law to say much. */
const often = depth(0, 100)

/** Only the rules against crashes, so that no other rule hides a gap in them. */
const againstCrashes: Policy = {
  ...defaultPolicy,
  modes: {
    ...defaultPolicy.modes,
    'last-usable-copy': 'off',
    'evict-unready-copy': 'off',
    'copy-in-use': 'off',
    'below-min-copies': 'off',
    'disk-removal-with-copies': 'off',
  },
}

t.test('no admitted change takes a node from safe to crashing, on any profile', (t) => {
  const seen = { admitted: 0, stopped: 0, prevented: 0 }
  fc.assert(
    fc.property(anyCase, ({ world, write }) => {
      const before = crashing(world)
      const fresh = crashing(afterwards(world, write)).filter((node) => !before.includes(node))
      const stopped = isStopped(judge(changeOf(world, write), mapOf(world), againstCrashes, moment(noon)))
      seen[stopped ? 'stopped' : 'admitted']++
      if (stopped && fresh.length > 0) seen.prevented++
      return stopped || fresh.length === 0
    }),
    runs,
  )
  // The law says little unless all of these happen often.
  for (const [what, count] of Object.entries(seen)) t.ok(count > often, `${what}: ${count}`)
  t.end()
})

t.test('nothing that only clears flags is stopped, and nothing that is not arming', (t) => {
  const seen = { cleared: 0, harmless: 0 }
  fc.assert(
    fc.property(anyCase, fc.boolean(), ({ world, write }, clear) => {
      const change = changeOf(world, clear ? clearing(world, write) : write)
      if (!clear && isArming(change)) return true
      seen[clear ? 'cleared' : 'harmless']++
      return !isStopped(judge(change, mapOf(world), defaultPolicy, moment(noon)))
    }),
    runs,
  )
  for (const [what, count] of Object.entries(seen)) t.ok(count > often, `${what}: ${count}`)
  t.end()
})

/** The node of a write, if it is one, with some of its flags cleared and nothing else changed. */
function clearing(world: World, write: Write): Write {
  const name = write.kind === 'Node' ? write.after.metadata.name : 'n1'
  const stored = world.nodes.get(name) ?? rawNode(name, [])
  const wanted: Readonly<Record<string, { readonly evictionRequested: boolean }>> =
    write.kind === 'Node' ? write.after.spec.disks : {}
  const disks = Object.fromEntries(
    Object.entries(stored.spec.disks).map(([disk, of]) => [
      disk,
      { ...of, evictionRequested: of.evictionRequested && wanted[disk]?.evictionRequested === true },
    ]),
  )
  return { kind: 'Node', after: { ...stored, spec: { ...stored.spec, disks, evictionRequested: false } } }
}

t.test('no admitted clean-up takes the last copy that is not failed', (t) => {
  const seen = { cleanups: 0, prevented: 0 }
  fc.assert(
    fc.property(anyCase, ({ world, write }) => {
      if (write.kind !== 'BackingImage') return true
      const { name } = write.after.metadata
      const specBefore = Object.keys(world.images.get(name)?.spec.diskFileSpecMap ?? {})
      const specAfter = Object.keys(write.after.spec.diskFileSpecMap)
      const status: Readonly<Record<string, { readonly state: string }>> =
        write.after.status.diskFileStatusMap
      const good = (disks: string[]) =>
        disks.filter((disk) => status[disk] && status[disk].state !== 'failed')
      if (!specBefore.some((disk) => !specAfter.includes(disk))) return true
      seen.cleanups++
      const loses =
        good(specBefore).length > 0 &&
        good(specAfter.filter((disk) => specBefore.includes(disk))).length === 0
      const removesGood = good(specBefore.filter((disk) => !specAfter.includes(disk))).length > 0
      const stopped = isStopped(judge(changeOf(world, write), mapOf(world), defaultPolicy, moment(noon)))
      if (loses && removesGood && stopped) seen.prevented++
      return stopped || !(loses && removesGood)
    }),
    runs,
  )
  for (const [what, count] of Object.entries(seen)) t.ok(count > often, `${what}: ${count}`)
  t.end()
})

t.test('judging is pure: the same question has the same answer and leaves no trace', (t) => {
  fc.assert(
    fc.property(anyCase, ({ world, write }) => {
      const map = mapOf(world)
      const change = changeOf(world, write)
      const first = judge(change, map, defaultPolicy, moment(noon))
      const second = judge(change, map, defaultPolicy, moment(noon))
      const fresh = judge(change, mapOf(world), defaultPolicy, moment(noon))
      t.strictSame(second, first)
      t.strictSame(fresh, first)
    }),
    { numRuns: depth(100, 300) },
  )
  t.end()
})
