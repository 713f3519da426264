import { Gauge, type Registry } from 'prom-client'

/** A gauge with a series for each thing that is wrong now, and none for what is right. */
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
 * Registers gauges whose series go with what they are about. Beyond so many series of one metric the others are left out,
 * and `holdfast_series_left_out` counts them.
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
  // Metrics are read in the order in which they were registered, so this one knows what the others left out.
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
