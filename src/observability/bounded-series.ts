import { Gauge, type Registry } from 'prom-client'

/** A gauge with a series only for each current problem. */
interface SeriesSource {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  /** Read when Prometheus scrapes. The most important come first. No two have the same labels. */
  readonly read: () => Iterable<Series>
}

/** One series. */
export interface Series {
  /** Called only for series that are shown: there may be thousands of others. */
  readonly labels: () => Readonly<Record<string, string>>
  readonly value: number
}

/** The maximum of series of one metric. A cluster in which all is wrong must not cost Prometheus its memory. */
const mostSeries = 100

/**
 * Registers gauges whose series end with their objects. A metric shows at most so many series;
 * `holdfast_series_left_out` counts the others.
 */
export function boundedSeries(
  registry: Registry,
  sources: readonly SeriesSource[],
  most: number = mostSeries,
): void {
  const leftOut = new Map(sources.map(({ name }) => [name, 0]))
  for (const { name, help, labelNames, read } of sources) {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        let count = 0
        for (const { labels, value } of read()) {
          count += 1
          if (count <= most) this.set(labels(), value)
        }
        leftOut.set(name, Math.max(0, count - most))
      },
    })
  }
  // Metrics are read in the order of their registration, so this one comes last and sees all counts.
  new Gauge({
    name: 'holdfast_series_left_out',
    help: 'Series that a metric does not show, since it has 100 at most; the worst are shown.',
    labelNames: ['metric'],
    registers: [registry],
    collect() {
      for (const [metric, count] of leftOut) this.set({ metric }, count)
    },
  })
}
