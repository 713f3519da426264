import type { ClusterObject } from '../../cluster-client.ts'
import { badRequest, invalid, unsupportedMediaType } from '../failure.ts'
import { jsonPatch } from '../../../json/json-patch.ts'
import { mergePatch } from '../../../json/merge-patch.ts'
import type { ResourceFacts } from '../resources.ts'

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
      throw unsupportedMediaType(
        'the embedded cluster does not know strategic merge patches (what kubectl patch sends without --type, and kubectl apply for a built-in kind that changed): patch with --type=merge or --type=json, or use kubectl replace',
      )
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
