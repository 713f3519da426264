import { Counter, Gauge, type Registry } from 'prom-client'

/** What the webhook's metrics are read from. */
export interface WebhookSources {
  /** How many answers were delayed, since the start. */
  readonly delayedRefusals: () => number
  /** Whom it asks for a certificate; absent where it asks nobody. */
  readonly callers?: () => CallerCounts | undefined
}

/** Who came with which certificate. */
export interface CallerCounts {
  /** How many were turned away, by the reason. */
  readonly refused: ReadonlyMap<string, number>
  /** The one that was accepted last, and when its certificate ends, in milliseconds since the epoch. */
  readonly last: { readonly until: number } | undefined
}

/** Registers what is to be seen of the webhook itself. */
export function webhookMetrics(registry: Registry, { delayedRefusals, callers }: WebhookSources): void {
  const registers = [registry]
  new Counter({
    name: 'holdfast_delayed_refusals_total',
    help: 'Refusals that Longhorn’s own account repeated, and that were answered up to a second later.',
    registers,
    collect() {
      this.reset()
      this.inc(delayedRefusals())
    },
  })
  new Counter({
    name: 'holdfast_refused_callers_total',
    help: 'Requests to the webhook that were turned away unread, by what is wrong with the client certificate.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, count] of callers?.()?.refused ?? []) this.inc({ reason }, count)
    },
  })
  new Gauge({
    name: 'holdfast_client_certificate_expiry_timestamp_seconds',
    help: 'When the client certificate that was accepted last expires, or that of who signed it, as Unix time; NaN before one was.',
    registers,
    collect() {
      this.set((callers?.()?.last?.until ?? NaN) / 1_000)
    },
  })
}
