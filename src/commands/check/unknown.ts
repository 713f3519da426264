import { group, type Kind, kinds } from '../../longhorn/kinds.ts'
import { type Act, actsOf, type Change } from '../../rules/change.ts'

/** The kinds that a verdict on an act depends on besides nodes and images, and what stays open without them. */
const needed: readonly {
  readonly kind: Kind
  readonly acts: readonly Act['act'][]
  readonly without: string
}[] = [
  { kind: 'Replica', acts: ['cleanup'], without: 'whether a replica uses a copy (copy-in-use)' },
  {
    kind: 'BackingImageDataSource',
    acts: ['cleanup', 'eviction'],
    without: 'whether a first file is still being made (first-file-unfinished)',
  },
]

/**
 * What a verdict on this change does not rest upon, since the files to judge against have no objects of a kind, and do not say
 * either that there are none: a sentence for each kind.
 *
 * @param knows true for a kind of which all objects are known
 */
export function unknownFor(change: Change, knows: (kind: Kind) => boolean): string[] {
  const acts = new Set(actsOf(change).map(({ act }) => act))
  return needed
    .filter(({ kind, acts: its }) => its.some((act) => acts.has(act)) && !knows(kind))
    .map(
      ({ kind, without }) =>
        `not known: ${without}, since the snapshot has no ${kind}. Write it with holdfast snapshot. If there is any, what kubectl get ${kinds[kind].plural}.${group} -o yaml writes is enough`,
    )
}
