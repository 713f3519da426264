import type { OwnAnswer, ProxyDoor } from './door.ts'

/** The reason of a request that waits no longer, since others need the memory that its body takes. */
export class GaveWay extends Error {
  constructor() {
    super(
      'Holdfast holds too many large requests, so it cannot keep this one waiting. Nothing was changed; try again',
    )
    this.name = 'GaveWay'
  }
}

/** Makes client-go programs come again by themselves a second later. */
export function gaveWayAnswer({ message }: GaveWay, door: Pick<ProxyDoor, 'failure'>): OwnAnswer {
  const own = door.failure(429, message)
  return { ...own, headers: { ...own.headers, 'retry-after': '1' } }
}
