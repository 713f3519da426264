import type { ResourceName, User } from '../../cluster-client.ts'
import { isJsonObject, type JsonObject } from '../../json.ts'

/** A question about the rights of the client or another user: created, answered, never stored. */
interface SelfReview extends ResourceName {
  readonly kind: string
  /** `status` of the answer. */
  readonly answer: (user: User) => JsonObject
}

/**
 * The questions of `kubectl auth`. The embedded cluster has no access control: every client may do
 * everything, and only webhooks deny.
 */
export const selfReviews: readonly SelfReview[] = [
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    answer: () => ({ allowed: true, reason: 'the embedded cluster has no access control' }),
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    answer: () => ({ allowed: true, reason: 'the embedded cluster has no access control' }),
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    answer: () => ({
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    }),
  },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    answer: ({ username, groups }) => ({ userInfo: { username, groups } }),
  },
]

/** Finds the question of a path. */
export function findSelfReview(path: string): SelfReview | undefined {
  return selfReviews.find(({ group, version, plural }) => path === `/apis/${group}/${version}/${plural}`)
}

/** Answers it: returns the question with its `status` filled in. */
export function answerSelfReview(review: SelfReview, question: unknown, user: User): JsonObject {
  const { group, version, kind } = review
  const asked = isJsonObject(question) ? question : {}
  return { ...asked, kind, apiVersion: `${group}/${version}`, status: review.answer(user) }
}
