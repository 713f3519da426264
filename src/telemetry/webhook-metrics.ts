import { Counter, type Registry } from 'prom-client'

/** What the webhook's metrics are read from. */
export interface WebhookSources {
  /** How many answers were delayed, since the start. */
  readonly delayedRefusals: () => number
}

/** Registers what is to be seen of the webhook itself. */
export function webhookMetrics(registry: Registry, { delayedRefusals }: WebhookSources): void {
  new Counter({
    name: 'holdfast_delayed_refusals_total',
    help: 'Refusals that Longhorn’s own account repeated, and that were answered up to a second later.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(delayedRefusals())
    },
  })
}
