/** Something a replica asks of the API server: it takes effect when the scheduler says so. */
export interface Operation {
  readonly replica: number
  readonly what: string
  /** Takes effect, and brings the answer. */
  readonly answer: () => void
  /** Takes effect, and the answer is lost. */
  readonly lose: () => void
}
