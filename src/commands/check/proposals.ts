import type { JsonObject } from '../../json/schema.ts'
import { fieldOf, isJsonObject } from '../../json/schema.ts'
import type { ClusterState } from './cluster-state.ts'
import type { CheckDocument } from './documents.ts'
import type { TypedPatch } from './patch.ts'
import { type Place, placeWithin } from './place.ts'
import { patchProposal, type Proposal, proposalOf } from './proposal.ts'
import { doubtsAboutTwice } from './result.ts'

/** The source of a change that `--patch` describes. */
export const patchSource = '--patch'

/** A document of the user, and the change that it proposes. */
export interface Proposed {
  readonly source: string
  /** Where the object of the change is written. */
  readonly place: Place
  /** The object there: a manifest, the object of a review, a patch. */
  readonly written: JsonObject
  /** A text is the reason why the document cannot be read. */
  readonly proposal: Proposal | string
}

/** Flags that say how documents are meant. */
interface ProposedBy {
  /** Documents that are no objects of Kubernetes are not judged, and are an error otherwise. */
  readonly skipOthers: boolean
  readonly replace: boolean
  readonly as: string
  readonly asGroup: readonly string[]
}

/** The changes that documents and a patch propose. */
export function proposals(
  documents: readonly CheckDocument[],
  patch: TypedPatch | undefined,
  state: ClusterState,
  { replace, skipOthers, as: username, asGroup }: ProposedBy,
): Proposed[] {
  const mode = replace ? 'replace' : 'apply'
  const groups = asGroup.length > 0 ? asGroup : ['system:authenticated']
  const context = { state, mode, actor: { username, groups } } as const
  const proposed = documents.map((document): Proposed => {
    const { source, place } = document
    if (skipOthers && isOther(document)) return { source, place, written: {}, proposal: other }
    if ('problem' in document) return { source, place, written: {}, proposal: document.problem }
    const { object, twice } = document
    return { source, ...writtenIn(object, place), proposal: withDoubts(proposalOf(object, context), twice) }
  })
  if (!patch) return proposed
  const proposal = withDoubts(patchProposal(patch, context), patch.twice)
  const written = isJsonObject(patch.patch) ? patch.patch : {}
  return [...proposed, { source: patchSource, place: patch.place, written, proposal }]
}

const other = { outcome: 'not-judged', what: 'a document' } as const

/** True for a document that is clearly no object of Kubernetes, such as the configuration of another tool. */
function isOther(document: CheckDocument): boolean {
  if ('problem' in document) return document.isOther === true
  return document.object.apiVersion === undefined && document.object.kind === undefined
}

/** The user wrote the object of the review, not the review itself. */
function writtenIn(object: JsonObject, place: Place): Pick<Proposed, 'written' | 'place'> {
  if (object.kind !== 'AdmissionReview') return { written: object, place }
  const reviewed = fieldOf(object.request, 'object')
  return {
    written: isJsonObject(reviewed) ? reviewed : {},
    place: placeWithin(place, 'request.object'),
  }
}

function withDoubts(proposal: Proposal, twice: readonly string[]): Proposal {
  return proposal.outcome === 'review'
    ? { ...proposal, doubts: [...proposal.doubts, ...doubtsAboutTwice(twice)] }
    : proposal
}
