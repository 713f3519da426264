/** Something that can happen next. */
export interface Step {
  readonly what: string
  readonly take: () => void
  /** The replica that it is about; undefined if it is about none. */
  readonly replica: number | undefined
  /** True if it only delivers an event to a replica. */
  readonly informs?: boolean
}
