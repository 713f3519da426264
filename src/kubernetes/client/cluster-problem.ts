import { ApiFailure, ConnectionFailure } from './failures.ts'
import { MalformedAnswer } from './json-request.ts'

/** True for an error of the cluster or its connection: it is no bug, wherever it surfaces. */
export function isOfCluster(error: unknown): boolean {
  return [ApiFailure, ConnectionFailure, MalformedAnswer].some((each) => error instanceof each)
}
