import type { JsonObject } from '../../json.ts'
import type { AdmissionRequest } from './admission-request.ts'

/**
 * The AdmissionReview of a request (kubernetes.md, The request). On the main resource there is no `subResource`,
 * not even an empty one; on DELETE `object` is null, on CREATE `oldObject`.
 *
 * @param uid new for each call: one client request can be reviewed many times
 */
export function reviewOf(request: AdmissionRequest, uid: string): JsonObject {
  const { group, version, kind, plural } = request.resource
  const ofKind = { group, version, kind }
  const ofResource = { group, version, resource: plural }
  const { subresource } = request
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind: ofKind,
      resource: ofResource,
      ...(subresource && { subResource: subresource }),
      requestKind: ofKind,
      requestResource: ofResource,
      ...(subresource && { requestSubResource: subresource }),
      ...(request.name !== '' && { name: request.name }),
      ...(request.namespace !== '' && { namespace: request.namespace }),
      operation: request.operation,
      userInfo: { username: request.user.username, groups: request.user.groups },
      object: request.object ?? null,
      oldObject: request.oldObject ?? null,
      dryRun: request.dryRun,
      options: request.options,
    },
  }
}
