import type { Caller } from '../../../src/doors/proxy/kubernetes/who-is.ts'

/** Whom the API server knows as ann, whatever proof comes. */
export const ann = (): Promise<Caller> =>
  Promise.resolve({ is: 'known', actor: { username: 'ann', groups: [] } })
