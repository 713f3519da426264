import { copiesOf } from '../longhorn/copies.ts'
import { imagesNowhere, wayOut, whereItsCopiesAre } from '../rules/nowhere.ts'
import { defaultPolicy } from '../rules/policy.ts'
import { sharedDisks } from '../rules/shared-disks.ts'
import { serverTime } from './clock.ts'
import type { Facts } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'

/** Whether every image can be found on a disk, and every disk has a UUID of its own. */
export function checkDisks({
  map: looked,
  now,
  clock,
  names,
}: Pick<Facts, 'map' | 'now' | 'clock' | 'names'>): Finding[] {
  if ('problem' in looked) return [notKnown('disks', 'Longhorn’s disks could not be read.', looked.problem)]
  const map = looked.seen
  const { longhornNamespace } = names
  const circumstances = {
    map,
    policy: { ...defaultPolicy, longhornNamespace },
    timeOfDay: serverTime(now, clock),
  }
  const findings: Finding[] = []
  const nowhere = new Set<string>()
  for (const found of imagesNowhere(circumstances)) {
    const { name } = found.image.metadata
    nowhere.add(name)
    findings.push(
      problem('error', 'disks', {
        what: `Backing image ${name} has no usable copy on any disk that a node has: ${whereItsCopiesAre(found, circumstances)}.`,
        why: 'Volumes with this image cannot start, and Longhorn cannot copy it. Its file may be on a disk that has another UUID now: do not wipe or remove disks before it is found.',
        remedy: `Three ways: ${wayOut(found.image, longhornNamespace)}`,
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
        why: 'The copy counts for nothing, and a node that came back with new disks does not bring it back.',
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
        remedy: `Find the disk that has the files. Empty each other one, remove it from its node, delete longhorn-disk.cfg on it and add it again: Longhorn then gives it a UUID of its own. Look: kubectl -n ${longhornNamespace} get nodes.longhorn.io -o yaml | grep diskUUID`,
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
