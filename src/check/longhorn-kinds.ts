import { group, version } from '../longhorn/kinds.ts'
import type { JudgedKind } from '../rules/change.ts'
import { nearest } from '../text/nearest.ts'

/** Kinds of Longhorn that no rule looks at. */
const otherKinds = [
  ...['BackingImageManager', 'Backup', 'BackupBackingImage', 'BackupTarget', 'BackupVolume', 'Engine'],
  ...['EngineImage', 'InstanceManager', 'Orphan', 'RecurringJob', 'Replica', 'Setting', 'ShareManager'],
  ...['Snapshot', 'SupportBundle', 'SystemBackup', 'SystemRestore', 'Volume', 'VolumeAttachment'],
]

const judgedKinds: readonly JudgedKind[] = ['Node', 'BackingImage', 'BackingImageDataSource']

/** Versions that Longhorn serves, or has served: an API server turns down every other. */
const versions: readonly string[] = ['v1beta1', version]

/** What the guard makes of `apiVersion` and `kind`: the kind that is judged, that none is, or that there is no such kind. */
export type KindFound =
  | { readonly is: 'judged'; readonly kind: JudgedKind }
  | { readonly is: 'other' }
  | { readonly is: 'none'; readonly problem: string }

/** Tells an object that the guard judges from others, and from one that no API server takes, as far as can be told. */
export function kindFound(apiVersion: unknown, kind: unknown): KindFound {
  if (typeof kind !== 'string' || kind === '') return none('it has no kind, so it is no object of Kubernetes')
  if (typeof apiVersion !== 'string' || apiVersion === '')
    return none('it has no apiVersion, so it is no object of Kubernetes')
  const [its = '', version] = apiVersion.split('/')
  const judged = judgedKinds.find((each) => each === kind)
  if (its !== group) return elsewhere(its, kind, judged !== undefined)
  if (version === undefined || !versions.includes(version))
    return none(`${group} has no version ${version ?? ''}`.trimEnd() + `; it is ${versions.join(' or ')}`)
  if (judged !== undefined) return { is: 'judged', kind: judged }
  if (otherKinds.includes(kind)) return { is: 'other' }
  // Longhorn may have kinds that are newer than this list.
  const meant = nearest(kind, [...judgedKinds, ...otherKinds])
  return meant === undefined ? { is: 'other' } : none(`${group} has no kind ${kind}; did you mean ${meant}?`)
}

/** Core nodes are no concern of the guard; a group that is nearly Longhorn's is a slip. */
function elsewhere(its: string, kind: string, isJudged: boolean): KindFound {
  const isSlip = nearest(its, [group]) !== undefined || /longhorn/i.test(its)
  if (isJudged && (isSlip || kind !== 'Node')) return none(`${kind} is not of ${its}; did you mean ${group}?`)
  return { is: 'other' }
}

function none(problem: string): KindFound {
  return { is: 'none', problem }
}
