/** How a client wants its answer. */
export type Representation = 'object' | 'table' | 'none'

/**
 * Reads an `Accept` header: the first representation that is spoken here.
 *
 * @returns `none` when there is no such one, e.g. protobuf only
 */
export function representationOf(accept: string | undefined): Representation {
  for (const range of (accept ?? '*/*').split(',')) {
    const [mediaType = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (!['application/json', 'application/*', '*/*'].includes(mediaType)) continue
    const as = parameters.find((parameter) => parameter.startsWith('as='))
    if (as === undefined) return 'object'
    if (as === 'as=table' && parameters.includes('v=v1') && parameters.includes('g=meta.k8s.io'))
      return 'table'
  }
  return 'none'
}
