import { type DiskMapView, findLonghorn, hasLonghorn, noLonghornIn } from '../../disk-map/disk-map-view.ts'
import { isEvicting, type Node } from '../../longhorn/node.ts'
import { assumption, fixedRelease, knowledgeOf, type Profile, profileOf } from '../../longhorn/releases.ts'
import { isInDanger } from '../../rules/disks-at-risk.ts'
import type { Facts, Names } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'

/** The effect of an eviction during a pending clean-up on this release of Longhorn (longhorn.md §2). */
export function checkRelease({
  map,
  names,
  policies,
}: Pick<Facts, 'map' | 'names' | 'policies'>): DoctorFinding[] {
  if ('problem' in map) return [notKnown('release', 'The Longhorn release could not be read.', map.problem)]
  if (!hasLonghorn(map.seen)) {
    return [
      problem('error', 'release', {
        what: noLonghornIn(names.longhornNamespace),
        why: 'A guard that is set to this namespace is not ready, and does not guard a Longhorn in another namespace.',
        remedy: findLonghorn,
      }),
    ]
  }
  const seenRelease = map.seen.release
  // If Longhorn does not name its release, the guard may be configured with one.
  const release =
    fixedRelease(seenRelease) === undefined ? (namedToAll(policies) ?? seenRelease) : seenRelease
  const profile = profileOf(release)
  const fixed = fixedRelease(release)
  if (release === undefined || fixed === undefined) {
    return [
      problem('warn', 'release', {
        what: assumption(release),
        why: 'Then more requests wait than necessary.',
        remedy: `Look: kubectl -n ${names.longhornNamespace} get settings.longhorn.io current-longhorn-version. Or set longhornRelease in the configuration of the guard.`,
      }),
    ]
  }
  if (knowledgeOf(release) === 'newer') return [newer('release', release)]
  switch (profile) {
    case 'A':
    case 'B':
      return [
        problem('warn', 'release', {
          what: `Longhorn ${release} crashes the longhorn-manager of a node when an eviction meets a pending clean-up on ${profile === 'A' ? 'any disk of it' : 'an evicted disk'} (profile ${profile}).`,
          why: 'Only the guard keeps the two apart; a write while it does not answer can crash a manager.',
          remedy: `Move Longhorn to ${fixed}; some newer releases crash too. Check first: holdfast doctor --target ${fixed}`,
        }),
      ]
    case 'C':
      return [
        ok('release', `Longhorn ${release} does not crash when an eviction meets a clean-up (profile C).`),
      ]
    case 'none':
      return [
        ok(
          'release',
          `Longhorn ${release} does not evict backing images. Upgrade straight to ${fixed}: releases in between crash.`,
        ),
      ]
  }
}

/** A release of a line that came out after this version of Holdfast. */
function newer(check: 'release' | 'upgrade', release: string): DoctorFinding {
  return problem('warn', check, {
    what: assumption(release),
    why: 'That release may behave in another way, or have renamed fields that the rules read.',
    remedy:
      'Look for a newer version of Holdfast. Compare the definitions of that release with what the rules read: holdfast compare-crds FILE. If its managers crash, set longhornRelease: v1.8.0 in the configuration of the guard, and the worst is assumed.',
  })
}

/** The configured release of all replicas; undefined if they differ or have none. */
function namedToAll(policies: Facts['policies']): string | undefined {
  if ('problem' in policies) return undefined
  const [named, ...others] = new Set(policies.seen.map(({ release }) => release))
  return others.length > 0 ? undefined : (named ?? undefined)
}

/**
 * Nodes that forbid an upgrade of Longhorn. A flag together with a pending clean-up goes unnoticed on profile
 * C, and crashes the manager of A or B after the upgrade (longhorn.md §2, o8). No admission can stop that.
 */
export function checkUpgrade({ map, names }: Pick<Facts, 'map' | 'names'>): DoctorFinding[] {
  if ('problem' in map) return [notKnown('upgrade', 'Longhorn’s nodes could not be read.', map.problem)]
  const now = profileOf(map.seen.release)
  // Without a target, any release counts.
  const then = names.target === undefined ? 'A' : profileOf(names.target)
  const findings = [...map.seen.nodes()]
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap((node) => judged(node, map.seen, { now, then, names }))
  if (names.target !== undefined && (then === 'A' || then === 'B')) {
    findings.push(crashing(names.target, then))
  }
  if (names.target !== undefined && knowledgeOf(names.target) === 'newer')
    findings.push(newer('upgrade', names.target))
  const moves = names.target ?? 'another release'
  return findings.length > 0 ? findings : [ok('upgrade', `No node forbids moving Longhorn to ${moves}.`)]
}

function crashing(target: string, profile: Profile): DoctorFinding {
  const fixed = fixedRelease(target)
  return problem('warn', 'upgrade', {
    what: `Longhorn ${target} crashes the longhorn-manager of a node when an eviction meets a pending clean-up${fixed === undefined ? ', as far as is known' : ''} (profile ${profile}).`,
    why: 'Only the guard keeps the two apart then.',
    remedy: `Move to ${fixed ?? 'a release that says which it is'} instead${fixed === undefined ? '' : `; ask: holdfast doctor --target ${fixed}`}`,
  })
}

interface Move {
  readonly now: Profile
  readonly then: Profile
  readonly names: Names
}

function judged(node: Node, map: DiskMapView, { now, then, names }: Move): DoctorFinding[] {
  const { name } = node.metadata
  const remedy = `Clear the flags, or wait until the clean-up has ended: holdfast status ${name} --watch. Clear them: kubectl -n ${names.longhornNamespace} patch nodes.longhorn.io ${name} --type merge -p '${clearing(node)}'`
  if (isInDanger(node, map, now)) {
    return [
      problem('error', 'upgrade', {
        what: `Node ${name} is in danger now: it is evicted while ${pending(node, map, now)}.`,
        why: 'Its longhorn-manager crashes at each sync of the node. A restart or an upgrade does not end that.',
        remedy,
      }),
    ]
  }
  if (!isInDanger(node, map, then)) return []
  const target = names.target ?? 'a release that crashes (1.7.0–1.7.3, 1.8.0, 1.8.1, 1.9.0)'
  return [
    problem(names.target === undefined ? 'warn' : 'error', 'upgrade', {
      what: `Longhorn must not be moved to ${target} now: node ${name} is evicted while ${pending(node, map, then)}.`,
      why: 'The running release survives it; the longhorn-manager of that release would crash as soon as it starts. The guard cannot prevent that.',
      remedy,
    }),
  ]
}

/** `the clean-up of ubuntu-22.04 on disk-1 is pending`, for all that count. */
function pending(node: Node, map: DiskMapView, profile: Profile): string {
  const which = [...map.pendingOnNode(node.metadata.name)]
    .filter(({ disk }) => profile === 'A' || isEvicting(node, disk))
    .map(({ image, disk }) => `${image} on ${disk}`)
    .toSorted()
  return which.length === 1
    ? `the clean-up of ${which.join('')} is pending`
    : `clean-ups are pending: ${which.join(', ')}`
}

/** A merge patch that clears every flag of the node. */
function clearing(node: Node): string {
  const raised = [...node.spec.disks].filter(([, disk]) => disk.evictionRequested)
  const disks = Object.fromEntries(raised.map(([disk]) => [disk, { evictionRequested: false }]))
  return JSON.stringify({
    spec: {
      ...(node.spec.evictionRequested ? { evictionRequested: false } : {}),
      ...(raised.length > 0 ? { disks } : {}),
    },
  })
}
