import type { ProxyObserver } from '../../../src/doors/proxy/door.ts'

/** Watches nothing. */
export const nobody: ProxyObserver = { came: () => undefined, failed: () => undefined }
