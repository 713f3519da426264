/** A program gave no credentials. The message quotes nothing that it printed. */
export class PluginProblem extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'PluginProblem'
  }
}
