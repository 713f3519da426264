import { group, type Kind, kinds } from '../../longhorn/kinds.ts'
import { type Act, actsOf, type Change } from '../../rules/change.ts'

/**
 * The kinds that a verdict on an act needs besides nodes and images, and the question that is open without
 * them.
 */
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
 * The open questions of a verdict on this change, one sentence for each kind. A kind is open if the files
 * have no object of it and do not say that there is none.
 *
 * @param knows true for a kind with all objects known
 */
export function unknownFor(change: Change, knows: (kind: Kind) => boolean): string[] {
  const acts = new Set(actsOf(change).map(({ act }) => act))
  return needed
    .filter(({ kind, acts: its }) => its.some((act) => acts.has(act)) && !knows(kind))
    .map(
      ({ kind, without }) =>
        `not known: ${without}, since the snapshot has no ${kind}. Write it with holdfast snapshot. If there is any, the output of kubectl get ${kinds[kind].plural}.${group} -o yaml is enough`,
    )
}
