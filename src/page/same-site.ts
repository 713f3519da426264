import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Refuses what no person has asked for. A page of somebody else in the same browser can reach loopback too: under a name of its
 * own choosing, which Host shows (DNS rebinding), or as a request to another site, which Origin and Sec-Fetch-Site show. Nothing
 * here changes anything, so GET is enough.
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
    return { code: 403, error: `Ask for 127.0.0.1 or localhost, not for ${hostname}.` }
  if (headers.origin !== undefined && headers.origin !== `http://${host}`)
    return { code: 403, error: `A page of ${headers.origin} may not ask this.` }
  if (isFromElsewhere(headers))
    return { code: 403, error: 'A page of another site may not ask this. Type the address instead.' }
  if (method !== 'GET') return { code: 405, error: 'Only GET is answered: nothing here changes anything.' }
  return undefined
}

/** A link that a person follows is no harm: the page is shown to that person only. Older browsers do not send this. */
function isFromElsewhere(headers: FastifyRequest['headers']): boolean {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document'
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}

/**
 * What every answer says to a browser: nothing from elsewhere, nothing inline, in no frame, and no guessing of types.
 */
export const pageHeaders = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const
