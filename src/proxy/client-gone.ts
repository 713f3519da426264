/** Thrown when nobody waits for an answer any more. */
export class ClientGone extends Error {
  constructor() {
    super('The client has gone away')
    this.name = 'ClientGone'
  }
}
