import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Refuses requests that a page of another site makes. In the same browser it can reach loopback too: under a name of its own
 * choosing, which Host shows (DNS rebinding), or as a request to another site, which Origin and Sec-Fetch-Site show. The API only
 * reads, so GET is enough.
 */
export function refuseOtherSites(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const refusal = refusalOf(request)
    if (refusal) {
      if (refusal.code === 405) reply.header('allow', 'GET')
      await reply.code(refusal.code).send({ error: refusal.error })
    }
  })
}

function refusalOf(
  request: FastifyRequest,
): { readonly code: 403 | 405; readonly error: string } | undefined {
  const { hostname, host, method, headers } = request
  if (!isLoopback(hostname))
    return {
      code: 403,
      error: `This server answers to the names 127.0.0.1 and localhost, and not to ${hostname}.`,
    }
  if (headers.origin !== undefined && headers.origin !== `http://${host}`)
    return { code: 403, error: `A page of ${headers.origin} may not read this.` }
  if (isFromElsewhere(headers))
    return { code: 403, error: 'A page of another site may not read this. Type the address instead.' }
  if (method !== 'GET') return { code: 405, error: 'This server answers GET alone, since it only reads.' }
  return undefined
}

/** A link is harmless: only the person who follows it sees the page. Older browsers do not send these headers. */
function isFromElsewhere(headers: FastifyRequest['headers']): boolean {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document'
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}

/**
 * These headers forbid a browser to load anything from elsewhere or inline, to put the page into a frame, and to guess types.
 */
export const pageHeaders = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const
