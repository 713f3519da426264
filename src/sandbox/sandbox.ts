import { stringify } from 'yaml'
import { ApiServer } from './api-server/api-server.ts'
import { definitions, deployments } from './api-server/resources.ts'
import type { ClusterClient, User } from './cluster-client.ts'
import { subscribeToLonghorn } from './controllers/cluster-view.ts'
import { Longhorn } from './controllers/longhorn.ts'
import type { LonghornOptions } from './controllers/options.ts'
import type { Report } from './controllers/report.ts'
import { longhornServiceAccount } from './controllers/resources.ts'
import {
  longhornDefinitions,
  longhornUi,
  type SeedImage,
  type SeedOptions,
} from './controllers/seed-objects.ts'
import { seed, type SeededCluster } from './controllers/seed.ts'
import { RestServer } from './longhorn-rest/rest-server.ts'
import { LonghornWebhook } from './longhorn-webhook/longhorn-webhook.ts'

/** Options of the embedded cluster. */
interface SandboxOptions {
  /** 0 for any free port. */
  readonly port: number
  /** The Longhorn release to play. */
  readonly release: string
  readonly nodes: number
  readonly images: number
  readonly longhorn: Partial<LonghornOptions>
  /** The port of Longhorn's REST API; any free port by default. */
  readonly restPort?: number
  /** False to leave Longhorn's own webhook out. */
  readonly longhornWebhook?: boolean
  /** Called for everything that happens inside Longhorn. */
  readonly report: (report: Report) => void
}

/** The user who fills the cluster, and kubectl's without credentials. */
const administrator: User = {
  username: 'sandbox-admin',
  groups: ['system:masters', 'system:authenticated'],
}

/** The embedded cluster: a small Kubernetes API with Longhorn's controllers in miniature, seeded and running. */
export class Sandbox {
  readonly api: ApiServer
  readonly longhorn: Longhorn
  readonly cluster: SeededCluster
  /** Longhorn's REST API, for its UI. */
  readonly rest: RestServer
  readonly namespace = 'longhorn-system'

  private constructor(api: ApiServer, rest: RestServer, longhorn: Longhorn, cluster: SeededCluster) {
    this.api = api
    this.rest = rest
    this.longhorn = longhorn
    this.cluster = cluster
  }

  /** @throws Error if it cannot listen on the port */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    let managers: Longhorn | undefined
    const previousLog = (pod: string): string | undefined => managers?.previousLog(pod)
    let client: ClusterClient | undefined
    const webhook = new LonghornWebhook({
      // The cluster is filled before Longhorn starts.
      client: () => (managers ? client : undefined),
      isServed: () => managers?.isAnyLive !== false,
      namespace: 'longhorn-system',
    })
    const ownWebhooks = options.longhornWebhook === false ? [] : [webhook]
    const api = await ApiServer.start({ port: options.port, previousLog, ownWebhooks })
    try {
      for (const definition of longhornDefinitions())
        await api.client(administrator).create(definitions, definition)
      await api.client(administrator).create(deployments, longhornUi('longhorn-system'))
      const cluster = await seed(api.client(administrator), Date.now(), seedOptions(options))
      client = api.client(longhornServiceAccount('longhorn-system'))
      const longhorn = new Longhorn(
        {
          client,
          subscribe: subscription(api),
          watch: api.watch,
          report: options.report,
        },
        options.longhorn,
      )
      managers = longhorn
      const rest = await RestServer.start(
        { client, namespace: 'longhorn-system', subscribe: subscription(api) },
        options.restPort ?? 0,
      )
      longhorn.start()
      return new Sandbox(api, rest, longhorn, cluster)
    } catch (error) {
      await api.stop()
      throw error
    }
  }

  /** The API for an administrator, within the process. */
  get client(): ClusterClient {
    return this.api.client(administrator)
  }

  /** A kubeconfig for kubectl, as YAML. */
  get kubeconfig(): string {
    return kubeconfigFor(this.api.url, this.namespace)
  }

  /** Calls the listener after each change to one of Longhorn's objects; the returned function ends that. */
  subscribe(listener: () => void): () => void {
    return subscription(this.api)(listener)
  }

  /**
   * Restarts the API server: all watches break and all connections are cut, then it serves the same objects
   * again. Each of the managers' caches backs off, and shows the past until then.
   *
   * @param awayMs how long it is down
   */
  async restartApi(awayMs = 0): Promise<void> {
    await this.api.restart(awayMs)
  }

  async stop(): Promise<void> {
    await this.rest.stop()
    await this.longhorn.stop()
    await this.api.stop()
  }
}

function subscription(api: ApiServer) {
  return subscribeToLonghorn((resource, listener) => api.subscribe(resource, listener))
}

const imageNames = ['ubuntu-22.04', 'debian-12', 'fedora-41', 'windows-2025']

/**
 * Each image has copies on `disk-1` of two nodes, one of them used by a volume. The other disk of every node
 * is empty. Its eviction moves nothing, so every effect is the clean-up's.
 */
function seedOptions({ nodes, images, release }: SandboxOptions): Partial<SeedOptions> {
  const node = (index: number) => `node-${(index % nodes) + 1}/disk-1` as const
  const seeded = Array.from({ length: images }, (_, index): SeedImage => {
    const name = imageNames[index] ?? `image-${index + 1}`
    return { name, copies: [node(index), node(index + 1)], minNumberOfCopies: 1 }
  })
  const [first] = seeded
  return {
    nodes,
    disksPerNode: 2,
    release,
    images: seeded,
    replicas: first ? [{ volume: 'pvc-web', disk: node(1), image: first.name }] : [],
  }
}

/**
 * A kubeconfig for the embedded cluster, as YAML.
 *
 * @param url where it listens, `http://127.0.0.1:…` @param namespace kubectl's default without `-n`
 */
export function kubeconfigFor(url: string, namespace: string): string {
  const name = 'holdfast-sandbox'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  })
}
