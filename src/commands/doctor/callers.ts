import { copiesOf } from '../../longhorn/copies.ts'
import { sharedDisks } from '../../rules/disks-at-risk.ts'
import { imagesWithoutDisk, noCopyThatCounts, wayOut, whereItsCopiesAre } from '../../rules/copies-left.ts'
import { someWaitToBeLost } from '../../rules/lost.ts'
import { defaultPolicy } from '../../rules/policy.ts'
import { lasting } from '../../rules/sentences.ts'
import { day } from './certificate.ts'
import { serverTime } from './clock.ts'
import type { Facts, ReplicaPolicy } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'
import { guardSelector } from './replicas.ts'

/** As long as for an authority that was left to expire: a person has to copy files to each API server. */
const soonMs = 30 * 86_400_000

/**
 * Whether the guard authenticates the senders of reviews, and how long the API servers' client certificate is
 * valid.
 */
export function checkCallers({
  policies,
  names,
  now,
}: Pick<Facts, 'policies' | 'names' | 'now'>): DoctorFinding[] {
  if ('problem' in policies) {
    return [
      notKnown(
        'callers',
        'The replicas of the guard could not be asked whether they need a client certificate.',
        policies.problem,
      ),
    ]
  }
  const withCallers = policies.seen.filter(({ callers }) => callers !== undefined)
  const open = withCallers.filter(({ callers }) => callers === null)
  const asking = withCallers.filter(({ callers }) => callers !== null)
  if (asking.length === 0) {
    return [
      ok(
        'callers',
        'The guard asks for no client certificate, so every client that reaches its port can send reviews.',
      ),
    ]
  }
  const findings: DoctorFinding[] = []
  if (open.length > 0) {
    findings.push(
      problem('warn', 'callers', {
        what: `Not every replica asks for a client certificate: ${open.map(({ replica }) => replica).join(', ')} does not.`,
        why: 'Every client that reaches the port of such a replica can send it forged reviews.',
        remedy: `kubectl -n ${names.namespace} rollout restart deployment -l ${guardSelector}`,
      }),
    )
  }
  // Several replicas can report the same certificate.
  const said = new Map(
    asking.flatMap((each) => ofReplica(each, now)).map((finding) => [finding.what, finding]),
  )
  findings.push(...said.values())
  return findings.length > 0 ? findings : [ok('callers', allIsWell(asking, now))]
}

const renew =
  'On the machine with client-ca.key: holdfast certs --api-server --overwrite. Then copy client.crt and client.key to each API server'

function ofReplica({ replica, callers }: ReplicaPolicy, now: number): DoctorFinding[] {
  if (!callers) return []
  const { last, refused } = callers
  if (last === null) {
    if (refused === 0) return []
    return [
      problem('warn', 'callers', {
        what: `Replica ${replica} has rejected ${refused} requests, and has accepted no client certificate since its start.`,
        why: 'If these came from an API server, it cannot reach the guard: with failurePolicy Fail evictions and clean-ups are denied, with Ignore nothing is judged.',
        remedy: `Its log names each rejected certificate and the reason. To make one for an API server: holdfast certs --api-server`,
      }),
    ]
  }
  if (last.leftMs >= soonMs) return []
  return [
    problem(last.leftMs > 0 ? 'warn' : 'error', 'callers', {
      what: `The client certificate of ${last.name || 'the API server'} ${last.leftMs > 0 ? 'is valid only until' : 'ended on'} ${day(now + last.leftMs)}.`,
      why: 'After that the guard rejects the API server: with failurePolicy Fail every eviction is denied, with Ignore nothing is judged.',
      remedy: renew,
    }),
  ]
}

function allIsWell(asking: readonly ReplicaPolicy[], now: number): string {
  const ends = asking.flatMap(({ callers }) => (callers?.last ? [now + callers.last.leftMs] : []))
  const until =
    ends.length === 0
      ? 'none has been shown yet'
      : `the one of the API server is valid until ${day(Math.min(...ends))}`
  return `The guard accepts reviews only with a client certificate; ${until}.`
}

/** Whether every image is on a disk of a node, and every UUID belongs to one disk. */
export function checkDisks({
  map: looked,
  now,
  clock,
  names,
  policies,
}: Pick<Facts, 'map' | 'now' | 'clock' | 'names' | 'policies'>): DoctorFinding[] {
  if ('problem' in looked) return [notKnown('disks', 'Longhorn’s disks could not be read.', looked.problem)]
  const map = looked.seen
  const { longhornNamespace } = names
  const lostAfter = lostAfterOf(policies)
  const lostAfterMs = lostAfter ?? defaultPolicy.lostAfterMs
  const assumed =
    lostAfter === undefined && someWaitToBeLost(map)
      ? ` The replicas of the guard do not say when a disk counts as lost, so the default lostAfter of ${lasting(lostAfterMs)} is assumed.`
      : ''
  const circumstances = {
    map,
    policy: { ...defaultPolicy, longhornNamespace, lostAfterMs },
    timeOfDay: serverTime(now, clock),
  }
  const findings: DoctorFinding[] = []
  const nowhere = new Set<string>()
  for (const found of imagesWithoutDisk(circumstances)) {
    const { name } = found.image.metadata
    nowhere.add(name)
    findings.push(
      problem('error', 'disks', {
        what: `Backing image ${name} has ${noCopyThatCounts}: ${whereItsCopiesAre(found, circumstances)}.`,
        why: `Volumes with this image cannot start, and Longhorn cannot copy it. Its file may be on a disk that has another UUID now: do not wipe or remove disks before it is found.${assumed}`,
        remedy: `Three ways. ${wayOut(found.image, longhornNamespace)}`,
      }),
    )
  }
  for (const image of map.images()) {
    const { name, terminating } = image.metadata
    if (terminating || nowhere.has(name)) continue
    const lost = copiesOf(image).filter(
      ({ phase, diskUUID }) => phase !== 'pending cleanup' && map.ownersOf(diskUUID).length === 0,
    )
    if (lost.length === 0) continue
    const patch = JSON.stringify({
      spec: { diskFileSpecMap: Object.fromEntries(lost.map(({ diskUUID }) => [diskUUID, null])) },
    })
    findings.push(
      problem('warn', 'disks', {
        what: `Longhorn looks for a copy of backing image ${name} on ${lost.map(({ diskUUID }) => diskUUID).join(', ')}, which no node has.`,
        why: 'That copy is useless: a node that came back with new disks does not have it.',
        remedy: `If the disk is gone for good: kubectl -n ${longhornNamespace} patch backingimages.longhorn.io ${name} --type merge -p '${patch}'`,
      }),
    )
  }
  for (const { diskUUID, owners } of sharedDisks(map)) {
    const where = owners.map(({ node, disk }) => `${disk} of ${node}`).join(', ')
    findings.push(
      problem('warn', 'disks', {
        what: `Disks ${where} have one UUID, ${diskUUID}.`,
        why: 'To Longhorn they are one disk: it looks for a copy on any of them, and the file is on one. Machines that were cloned with their disks show this.',
        remedy: `Find the disk that has the files and keep it. Of each other one disable the scheduling, delete longhorn-disk.cfg on it (Longhorn then takes it for empty), remove it from its node and add it again: Longhorn gives it a new UUID. Look: kubectl -n ${longhornNamespace} get nodes.longhorn.io -o yaml | grep diskUUID`,
      }),
    )
  }
  return findings.length > 0
    ? findings
    : [
        ok(
          'disks',
          'Every backing image has its copies on disks that nodes have, and every disk has its own UUID.',
        ),
      ]
}

/** The longest time of all replicas, since each of them may decide; undefined if one does not report it. */
function lostAfterOf(policies: Facts['policies']): number | undefined {
  if ('problem' in policies || policies.seen.length === 0) return undefined
  let longest = 0
  for (const { lostAfterMs } of policies.seen) {
    if (lostAfterMs === undefined) return undefined
    longest = Math.max(longest, lostAfterMs)
  }
  return longest
}
