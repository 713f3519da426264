import type { Caller } from '../../../src/doors/proxy/kubernetes/who-is.ts'

/** An API server that knows every caller as ann, whatever the credentials. */
export const ann = (): Promise<Caller> =>
  Promise.resolve({ is: 'known', actor: { username: 'ann', groups: [] } })
