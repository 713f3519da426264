import { guardSelector } from './component-label.ts'
import type { Facts, Names } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'
import { certificatesIn, day, endOf, type Certificate } from './pem.ts'
import type { Webhook } from './registration.ts'

/** An authority lives for years and is replaced long before its end: one that has only a month left was forgotten. */
const soonMs = 30 * 86_400_000

/** Whether the API server is told whom to trust, and for how long it may. */
export function checkTrust({
  registration,
  names,
  now,
}: Pick<Facts, 'registration' | 'names' | 'now'>): Finding[] {
  if ('problem' in registration) {
    return [notKnown('trust', 'Whom the API server trusts could not be read.', registration.problem)]
  }
  if (registration.seen === undefined || registration.seen.length === 0) {
    const why = `Without webhooks in ValidatingWebhookConfiguration ${names.webhookConfiguration} nobody is trusted.`
    return [notKnown('trust', 'There is no caBundle to look at.', why)]
  }
  return registration.seen.map((webhook) => judged(webhook, names, now))
}

/** The authorities that the API server trusts for a webhook. */
export function authoritiesOf({ clientConfig }: Webhook): Certificate[] {
  return certificatesIn(Buffer.from(clientConfig.caBundle ?? '', 'base64').toString())
}

function judged(webhook: Webhook, { namespace }: Names, now: number): Finding {
  const error = (what: string) =>
    problem('error', 'trust', {
      what: `${what} of webhook ${webhook.name}.`,
      why: 'The API server trusts no guard then: with failurePolicy Fail every eviction is refused, with Ignore nothing is judged.',
      remedy: `A guard that makes its own certificate publishes its authority within ten seconds of its start: kubectl -n ${namespace} rollout restart deployment -l ${guardSelector}. With cert-manager look at its cainjector.`,
    })
  if ((webhook.clientConfig.caBundle ?? '') === '') return error('There is no caBundle in the registration')
  const authorities = authoritiesOf(webhook)
  if (authorities.length === 0) return error('There is no certificate in the caBundle')
  const last = Math.max(...authorities.map(endOf))
  if (last <= now) return error(`Every authority has expired (${day(last)}) in the caBundle`)
  if (last - now < soonMs) {
    return problem('warn', 'trust', {
      what: `The caBundle of webhook ${webhook.name} is good only until ${day(last)}.`,
      why: 'After that the API server trusts no guard. It should have been renewed long before.',
      remedy: `See what hinders the guard: kubectl -n ${namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50`,
    })
  }
  return ok('trust', `The API server trusts the authority of webhook ${webhook.name} until ${day(last)}.`)
}
