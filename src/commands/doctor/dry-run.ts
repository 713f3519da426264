import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Facts, Removal } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'
import { guardSelector } from './replicas.ts'

/** Why no dry run is possible. */
export const nothingToTry =
  'no backing image has a copy that is ready, so there is no write that the guard has to deny'

/**
 * A removal that every guard has to deny, on every release: all copies of an image that has a ready one.
 * Undefined without such an image.
 */
export function forbiddenRemoval(map: DiskMapView): Removal | undefined {
  for (const { metadata, spec } of map.images()) {
    if (metadata.terminating || metadata.uninstalling) continue
    const ready = map
      .copiesOf(metadata.name)
      .some((copy) => copy.phase === 'present' && copy.state === 'ready')
    if (ready) return { image: metadata.name, disks: [...spec.diskFileSpecMap.keys()] }
  }
  return undefined
}

/** Whether the whole chain works: from the API server to the guard, its verdict, and back. */
export function checkDryRun({ dryRun: looked, names }: Pick<Facts, 'dryRun' | 'names'>): DoctorFinding[] {
  const unproved = 'It is not proved that writes reach the guard.'
  if ('problem' in looked) return [notKnown('dry-run', unproved, looked.problem)]
  if (looked.seen === undefined) return [notKnown('dry-run', unproved, `${nothingToTry}.`)]
  const { removal, result } = looked.seen
  const what = `A dry run that removes all copies of backing image ${removal.image}`
  switch (result.result) {
    case 'denied':
      return [ok('dry-run', `${what} is denied by the guard, as it must be.`)]
    case 'not-made':
      return [notKnown('dry-run', unproved, result.why)]
    case 'unanswered':
      return [
        problem('error', 'dry-run', {
          what: `${what} is not judged: ${result.why}.`,
          why: 'The API server asks a guard that gives no verdict. With failurePolicy Fail every eviction and clean-up is denied.',
          remedy: `Look: kubectl -n ${names.namespace} get pods -l ${guardSelector} -o wide; kubectl -n ${names.namespace} logs -l ${guardSelector} --prefix --tail 20`,
        }),
      ]
    case 'admitted':
      return [
        problem('error', 'dry-run', {
          what: `${what} is admitted. The guard must deny it.`,
          why: 'The API server does not send such writes to the guard, or the guard only warns. Either way, writes that could crash a manager or lose data pass.',
          remedy: `Look at the findings of registration and rules, and at kubectl get validatingwebhookconfigurations.admissionregistration.k8s.io ${names.webhookConfiguration} -o yaml`,
        }),
      ]
  }
}
