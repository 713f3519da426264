import type { RequestOutcome } from '../../src/commands/sandbox/demo-cluster.ts'
import type { Way } from './way.ts'

/** As Longhorn's UI does it: reads a node, and sends all of its disks back with a flag changed. */
export class RestWay implements Way {
  readonly #server: string

  /** @param server of the REST API, or a proxy before it */
  constructor(server: string) {
    this.#server = server
  }

  async evict(node: string, disk: string): Promise<RequestOutcome> {
    const answer = await fetch(`${this.#server}/v1/nodes/${node}`)
    const { disks } = (await answer.json()) as { disks: Record<string, object> }
    const evicted = { ...disks[disk], allowScheduling: false, evictionRequested: true }
    return await this.#post(`nodes/${node}?action=diskUpdate`, { disks: { ...disks, [disk]: evicted } })
  }

  cleanUp(image: string, diskUUID: string): Promise<RequestOutcome> {
    return this.#post(`backingimages/${image}?action=backingImageCleanup`, { disks: [diskUUID] })
  }

  async #post(path: string, body: object): Promise<RequestOutcome> {
    const answer = await fetch(`${this.#server}/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { message = '' } = (await answer.json()) as { message?: string }
    return { admitted: answer.ok, code: answer.status, message: answer.ok ? '' : message }
  }
}
