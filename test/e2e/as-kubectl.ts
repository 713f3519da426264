import { setTimeout as wait } from 'node:timers/promises'
import { ApiFailure } from '../../src/kubernetes/client/failures.ts'

/** So often client-go repeats a request that was answered with a Retry-After. */
const most = 10

/** Repeats a request for as long as its answer says when to, as kubectl and every client-go program do. @throws its last failure */
export async function asKubectl<T>(request: () => Promise<T>): Promise<T> {
  for (let repeated = 0; ; repeated += 1) {
    try {
      return await request()
    } catch (error) {
      const seconds = error instanceof ApiFailure ? error.retryAfterSeconds : undefined
      if (seconds === undefined || repeated === most) throw error
      await wait(seconds * 1_000)
    }
  }
}
