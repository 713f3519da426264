import type { ProxyObserver } from '../../src/proxy/proxy-server.ts'

/** Watches nothing. */
export const nobody: ProxyObserver = { came: () => undefined, failed: () => undefined }
