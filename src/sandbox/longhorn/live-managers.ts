/** The managers that run, as far as one controller must know them. */
export interface LiveManagers {
  /** True while the manager of this node runs. */
  isLive(node: string): boolean
  /** A manager that can take work over; undefined when none runs: then nothing moves. */
  anyLive(): string | undefined
}
