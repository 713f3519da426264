/** One result of a report, as OpenReports and PolicyReport have it alike. All texts are plain and short. */
export interface ReportedResult {
  /** The same for all that differs only in times and counts, as a part of names: no slash, no space. */
  readonly key: string
  readonly rule: string
  readonly category: string
  readonly result: 'fail' | 'warn' | 'error'
  readonly severity: 'high' | 'medium' | 'low'
  readonly message: string
  /** The object of the request. */
  readonly object: { readonly kind: string; readonly name: string }
  /** The number of its requests. */
  readonly count: number
  /** When the last of them was decided, in milliseconds since the epoch. */
  readonly at: number
  /** More facts, by name. */
  readonly properties: Readonly<Record<string, string>>
}

/** Takes results for a report. */
export interface ReportSink {
  /** Writes it, sooner or later; it never delays its caller, and never throws. */
  record(result: ReportedResult): void
  /** Resolves when all is written, or soon if it cannot be. */
  stop(): Promise<void>
}
