import type { ClusterObject } from '../../cluster-client.ts'
import { badRequest, invalid, unsupportedMediaType } from '../failure.ts'
import { jsonPatch } from '../../../json/json-patch.ts'
import { mergePatch } from '../../../json/merge-patch.ts'
import { group as longhornGroup } from '../../../longhorn/kinds.ts'
import type { ResourceFacts } from '../columns.ts'
import { strategicMerge } from './strategic-merge.ts'

/**
 * Makes of a patch what it does to an object.
 *
 * @param mediaType the content type, without parameters
 * @throws ApiError 415 for a type that is not spoken here. The function returned throws 400 for what is no patch,
 * and 422 for one that does not fit the object
 */
export function patchOf(
  resource: ResourceFacts,
  mediaType: string,
  patch: unknown,
): (current: ClusterObject) => unknown {
  switch (mediaType) {
    case 'application/merge-patch+json':
      return (current) => mergePatch(current, patch)
    case 'application/json-patch+json':
      return (current) => patched(resource, current, patch)
    case 'application/strategic-merge-patch+json':
      // An API server does not know them either for kinds of a CustomResourceDefinition.
      if (resource.group === longhornGroup)
        throw unsupportedMediaType(
          'the body of the request was in an unknown format - strategic merge patch is not supported for custom resources: patch with --type=merge or --type=json',
        )
      return (current) => strategicMerge(current, patch)
    case 'application/apply-patch+yaml':
    case 'application/apply-patch+cbor':
      throw unsupportedMediaType(
        'the embedded cluster does not know server-side apply: leave out --server-side, or use kubectl patch --type=merge',
      )
    default:
      throw unsupportedMediaType(
        `the body of the request was in an unknown format (${mediaType}): accepted media types include application/json-patch+json, application/merge-patch+json`,
      )
  }
}

function patched(resource: ResourceFacts, current: ClusterObject, patch: unknown): unknown {
  const outcome = jsonPatch(current, patch)
  if (outcome.ok) return outcome.value
  if (!outcome.fits) throw badRequest(outcome.problem)
  throw invalid(resource, current.metadata.name, [{ field: 'patch', message: outcome.problem }])
}
