/** Thrown when a law is broken. */
export class Violation extends Error {
  /** What was sent, readable. */
  readonly input: string
  /** The number of the case; known to the campaign. */
  number: number | undefined

  constructor(law: string, input: Buffer | string) {
    super(law)
    this.name = 'Violation'
    this.input = typeof input === 'string' ? input : input.toString('latin1')
  }
}

/** How many times slower than usual this machine may be. */
const patience = Number(process.env.HOLDFAST_PATIENCE) || 1

/** What has been silent for so long never answers, in milliseconds. */
export const silentMs = 20_000 * patience

/** So much time of the processor an answer may take, in milliseconds: on a machine that is busy it takes longer by the clock. */
export const lateMs = 1_000 * patience
