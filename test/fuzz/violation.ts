/** Thrown when a law is broken. */
export class Violation extends Error {
  /** The request, readable. */
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

/** A connection that is silent for this long will never answer, in milliseconds. */
export const silentMs = 20_000 * patience

/** The processor time of an answer, in milliseconds: a busy machine takes longer by the clock. */
export const lateMs = 1_000 * patience
