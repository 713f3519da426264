import type { ClusterObject } from '../../cluster-client.ts'
import { invalid, type Problem } from '../failure.ts'
import type { ResourceFacts } from '../columns.ts'

const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
/** The longest name of any object. */
const maxNameLength = 253

/**
 * The schema check, just before the webhooks: what breaks the schema never reaches them (kubernetes.md, The request).
 *
 * @throws ApiError 422 with every cause
 */
export function checkObject(resource: ResourceFacts, object: ClusterObject): void {
  const { name } = object.metadata
  const problems: Problem[] = []
  if (!namePattern.test(name) || name.length > maxNameLength)
    problems.push({
      field: 'metadata.name',
      message: `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
    })
  const parsed = resource.parse(object)
  if (!parsed.ok) problems.push(fieldProblem(parsed.problem))
  if (problems.length > 0) throw invalid(resource, name, problems)
}

/** A parser's sentence begins with the field: `spec.evictionRequested must be boolean, but is "true"`. */
function fieldProblem(problem: string): Problem {
  const [first = '', ...rest] = problem.split(' ')
  const isField = first !== 'the'
  return isField
    ? { field: first, message: `Invalid value: it ${rest.join(' ')}` }
    : { field: '', message: problem }
}
