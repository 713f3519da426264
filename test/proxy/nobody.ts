import type { ProxyObserver } from '../../src/proxy/door.ts'

/** Watches nothing. */
export const nobody: ProxyObserver = { came: () => undefined, failed: () => undefined }
