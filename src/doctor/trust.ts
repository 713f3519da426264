import { guardSelector } from './component-label.ts'
import { serverTime } from './clock.ts'
import type { Facts, Names } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'
import { ageOf, certificatesIn, endOf, momentOf, startOf, type Certificate } from './pem.ts'
import type { Webhook } from './facts.ts'

/** Whether the API server is told whom to trust, and for how long it may. */
export function checkTrust({
  registration,
  names,
  now,
  clock,
}: Pick<Facts, 'registration' | 'names' | 'now' | 'clock'>): Finding[] {
  if ('problem' in registration) {
    return [notKnown('trust', 'Whom the API server trusts could not be read.', registration.problem)]
  }
  if (registration.seen === undefined || registration.seen.length === 0) {
    const why = `Without webhooks in ValidatingWebhookConfiguration ${names.webhookConfiguration} nobody is trusted.`
    return [notKnown('trust', 'There is no caBundle to look at.', why)]
  }
  return registration.seen.map((webhook) => judged(webhook, names, serverTime(now, clock)))
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
  // One that is not valid yet may be announced, or made by a clock that was ahead: it is trusted later.
  const begun = authorities.filter((each) => ageOf(each, now) !== 'not yet')
  const [first] = authorities.toSorted((a, b) => startOf(a) - startOf(b))
  const [last] = begun.toSorted((a, b) => endOf(b) - endOf(a))
  if (last === undefined) {
    const from = first ? ` (before ${momentOf(first, startOf(first))})` : ''
    return error(`No authority is valid yet${from} in the caBundle`)
  }
  const until = momentOf(last, endOf(last))
  const age = ageOf(last, now)
  if (age === 'over') return error(`Every authority has expired (${until}) in the caBundle`)
  if (age === 'ending') {
    return problem('warn', 'trust', {
      what: `The caBundle of webhook ${webhook.name} is good only until ${until}.`,
      why: 'After that the API server trusts no guard. It should have been renewed long before.',
      remedy: `See what hinders the guard: kubectl -n ${namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50`,
    })
  }
  return ok('trust', `The API server trusts the authority of webhook ${webhook.name} until ${until}.`)
}
