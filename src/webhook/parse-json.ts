import { hasMoreValues, mostValues } from '../traffic/many-values.ts'
import { NoJson, TooManyValues } from './http-problem.ts'

/**
 * Reads JSON as it is: fastify's own parser refuses a key `__proto__`, which is a key like any other in maps with free keys.
 *
 * @returns what is wrong with it if it cannot be read, or not soon
 */
export function parseJson(text: string): { readonly json: unknown } | NoJson | TooManyValues {
  if (hasMoreValues(mostValues, text)) return new TooManyValues(mostValues)
  try {
    return { json: JSON.parse(text) as unknown }
  } catch (error) {
    return new NoJson(error)
  }
}

/** As an API server begins a review: Go writes the fields of a struct in their order, and these come first. */
const beginning =
  /^\s{0,64}\{"kind":"AdmissionReview","apiVersion":"admission\.k8s\.io\/v1","request":\{"uid":"([\w-]{1,64})"/

/** The uid of a review that is not read, so that it can still be answered; undefined if it does not begin as API servers begin it. */
export function leadingUid(text: string): string | undefined {
  return beginning.exec(text.slice(0, 256))?.[1]
}
