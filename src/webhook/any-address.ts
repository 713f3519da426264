import { createServer } from 'node:net'

/** All addresses of both families, where there is IPv6. */
const both = '::'
const ofIPv4 = '0.0.0.0'

/** Tries to listen somewhere, on any free port, for a moment. @throws an Error of Node if it cannot */
export type TryListening = (host: string) => Promise<void>

/**
 * The address to listen on for one that was asked for: `::` is all addresses of both families, and where the kernel has no
 * IPv6, all of IPv4.
 */
export async function anyAddress(host: string, tryListening: TryListening = once): Promise<string> {
  if (host !== both) return host
  try {
    await tryListening(both)
    return both
  } catch {
    // Whatever else is wrong is told when it listens there.
    return ofIPv4
  }
}

async function once(host: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, () => server.close(() => resolve()))
  })
}
