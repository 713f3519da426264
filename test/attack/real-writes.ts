import http from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { ApiError } from '../../src/sandbox/cluster-client.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'

/** Which way the real writes go: through the registered webhook, or through a proxy at this URL. */
export type Way =
  | { readonly door: 'webhook' }
  | { readonly door: 'kubernetes' | 'longhorn'; readonly url: string; readonly token?: string }

/** The results of the real writes of some seconds. */
export interface Stream {
  readonly answered: number
  /** Why the others failed. */
  readonly failures: readonly string[]
  readonly medianMs: number
  readonly slowestMs: number
  /** How late this process itself was at most: so much of it is not the guard's. */
  readonly ownLagMs: number
}

/** The nodes that are evicted and taken back; the others have copies, and belong to the attackers. */
export const idleNodes = { first: 4, count: 100 }

/** Writes evictions and their ends in turn, at a steady pace whatever the answers, and waits for all of them. */
export class RealWrites {
  readonly #sandbox: Sandbox
  readonly #agent = new http.Agent({ keepAlive: true })
  #made = 0

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
  }

  async stream(way: Way, ms: number, perSecond: number): Promise<Stream> {
    const lag = monitorEventLoopDelay({ resolution: 10 })
    lag.enable()
    const took: number[] = []
    const failures: string[] = []
    const under: Promise<void>[] = []
    const began = performance.now()
    for (let count = 0; count < (ms / 1_000) * perSecond; count += 1) {
      await setTimeout(Math.max(0, began + (count * 1_000) / perSecond - performance.now()))
      under.push(this.#one(way, took, failures))
    }
    await Promise.all(under)
    lag.disable()
    const sorted = took.toSorted((a, b) => a - b)
    const [medianMs = 0, slowestMs = 0] = [sorted[sorted.length >> 1], sorted.at(-1)]
    return { answered: took.length, failures, medianMs, slowestMs, ownLagMs: lag.max / 1e6 }
  }

  async #one(way: Way, took: number[], failures: string[]): Promise<void> {
    const made = this.#made++
    const name = `node-${idleNodes.first + (made % idleNodes.count)}`
    const evicting = Math.floor(made / idleNodes.count) % 2 === 0
    const began = performance.now()
    try {
      if (way.door === 'webhook') await this.#throughWebhook(name, evicting)
      else await this.#throughProxy(way, name, evicting)
      took.push(performance.now() - began)
    } catch (error) {
      failures.push(error instanceof ApiError ? `${error.status.code} ${error.message}` : String(error))
    }
  }

  async #throughWebhook(name: string, evicting: boolean): Promise<void> {
    const { client, namespace } = this.#sandbox
    const stored = await client.get(resources.Node, namespace, name)
    if (!stored) throw new Error(`there is no node ${name}`)
    const spec = { ...(stored.spec as object), allowScheduling: !evicting, evictionRequested: evicting }
    // Whatever comes between: one that is late must not be in the way of the next.
    const { name: same, uid, annotations } = stored.metadata
    const metadata = {
      name: same,
      namespace,
      ...(uid !== undefined && { uid }),
      ...(annotations && { annotations }),
    }
    await client.update(resources.Node, { ...stored, metadata, spec })
  }

  async #throughProxy(
    { door, url, token }: Exclude<Way, { door: 'webhook' }>,
    name: string,
    evicting: boolean,
  ): Promise<void> {
    const wanted = { allowScheduling: !evicting, evictionRequested: evicting }
    const [method, path, type, body] =
      door === 'longhorn'
        ? (['PUT', `/v1/nodes/${name}`, 'application/json', wanted] as const)
        : ([
            'PATCH',
            `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/${name}`,
            'application/merge-patch+json',
            { spec: wanted },
          ] as const)
    await new Promise<void>((resolve, reject) => {
      const headers = { 'content-type': type, ...(token && { authorization: `Bearer ${token}` }) }
      const sent = http.request(url + path, { method, agent: this.#agent, headers }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('error', reject)
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve()
          else reject(new Error(`${answer.statusCode} ${text}`))
        })
      })
      sent.on('error', reject)
      sent.end(JSON.stringify(body))
    })
  }
}
