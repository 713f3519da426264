import { bounded, type Clock, systemClock } from '../../time/clock.ts'
import { type Credentials, loadCredentials } from './credentials.ts'
import { type ConfigSearch, findConfig } from './find-config.ts'
import { type ApiRequest, type ApiResponse, exchange } from './exchange.ts'
import { ConnectionFailure } from './failures.ts'
import { wayTo } from './route.ts'
import { shownUrl } from './url.ts'

/** A connection to one API server, with credentials. */
export interface Connection {
  /** The API server's URL, for people: without a password and a trailing slash. It may have a path (a Rancher proxy). */
  readonly server: string
  /** The namespace of the context or of the service account, if there is one. */
  readonly namespace: string | undefined
  /** True with the service account of this process's pod: `namespace` is then the pod's. */
  readonly inPod: boolean
  /**
   * @throws ConnectionFailure if no answer comes, or the signal's reason. It returns failure statuses and
   * does not throw them.
   */
  request(request: ApiRequest): Promise<ApiResponse>
  /** Closes the idle connections; requests in progress fail. */
  close(): void
}

/** How to find the API server. */
export interface ConnectOptions extends ConfigSearch {
  readonly clock?: Clock
}

/**
 * Connects by the rules of kubectl: the kubeconfig that is named, `KUBECONFIG`, `~/.kube/config`, the pod's service account.
 * It sends nothing yet.
 *
 * @throws Error that says where it looked and what is wrong
 */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const credentials = await loadCredentials(findConfig(options), options)
  const limitMs = options.isInteractive === true ? credentialsTimeoutWithPersonMs : credentialsTimeoutMs
  return connectAs(credentials, options.clock ?? systemClock, limitMs)
}

/** Connects to a URL without any credentials: the embedded cluster, `kubectl proxy`. */
export function connectTo(
  server: string,
  options: { readonly namespace?: string; readonly clock?: Clock } = {},
): Connection {
  const anonymous = {
    server: new URL(server),
    proxy: undefined,
    namespace: options.namespace,
    inPod: false,
    prove: () => Promise.resolve({ tls: {}, headers: {}, refused: () => undefined }),
  }
  return connectAs(anonymous, options.clock ?? systemClock)
}

/** An exec plugin has its own limits, which are a little shorter. */
const credentialsTimeoutMs = 40_000
const credentialsTimeoutWithPersonMs = 310_000

function connectAs(credentials: Credentials, clock: Clock, limitMs = credentialsTimeoutMs): Connection {
  const tooLate = `The credentials did not come within ${limitMs / 1000} s.`
  const { server, proxy, namespace, inPod } = credentials
  const way = wayTo(server, proxy)
  return {
    server: shownUrl(server),
    namespace,
    inPod,
    request: async (request) => {
      const { tls, headers, refused } = await bounded(credentials.prove(), {
        clock,
        ms: limitMs,
        signal: request.signal,
        late: () => new ConnectionFailure('credentials', tooLate),
      })
      const response = await exchange({ server, proxy, way }, { ...tls, headers }, request, clock)
      if (response.status === 401) refused()
      return response
    },
    close: () => way.close(),
  }
}
