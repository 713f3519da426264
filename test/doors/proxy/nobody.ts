import type { ProxyObserver } from '../../../src/doors/proxy/door.ts'

/** An observer that ignores everything. */
export const nobody: ProxyObserver = { came: () => undefined, failed: () => undefined }
