import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A request of the guard's service account, as the API server has put it on record. */
export interface Asked {
  /** As Kubernetes names them: `get`, `list`, `create`, `update`. */
  readonly verb: string
  readonly resource: string
  /** Empty for a list, and for a creation. */
  readonly name: string
}

interface Entry {
  readonly verb: string
  readonly requestURI: string
  readonly objectRef?: { readonly resource?: string; readonly name?: string }
  readonly requestObject?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } }
}

const policy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    {
      level: 'Request',
      users: ['system:serviceaccount:holdfast:holdfast'],
      resources: [{ group: 'coordination.k8s.io' }],
    },
    { level: 'Metadata', users: ['system:serviceaccount:holdfast:holdfast'] },
    { level: 'None' },
  ],
}

/** The guards' requests to the API server, from its own audit log. */
export class ApiAudit {
  readonly #path: string
  readonly #policyPath: string

  /** @param folder where the policy and the log are kept */
  constructor(folder: string) {
    this.#path = join(folder, 'audit.log')
    this.#policyPath = join(folder, 'audit-policy.json')
  }

  /** The flags of the API server that make it write the log. */
  get flags(): Readonly<Record<string, string>> {
    return { 'audit-log-path': this.#path, 'audit-policy-file': this.#policyPath }
  }

  /** Has to be there before the API server starts. */
  async prepare(): Promise<void> {
    await writeFile(this.#policyPath, JSON.stringify(policy))
  }

  /** From here on, for {@link roundTrips}. */
  async mark(): Promise<number> {
    return (await stat(this.#path)).size
  }

  /**
   * The requests that decisions have waited for since a mark. It leaves out lists and watches that feed the
   * disk map, Events, the election of the certificate writer, and Leases that are tidied up after an answer.
   */
  async roundTrips(mark: number): Promise<Asked[]> {
    const text = (await readFile(this.#path)).subarray(mark).toString()
    const entries = text.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as Entry)))
    return entries.filter(isWaitedFor).map(({ verb, objectRef }) => ({
      verb,
      resource: objectRef?.resource ?? '',
      name: objectRef?.name ?? '',
    }))
  }
}

function isWaitedFor({ verb, requestURI, objectRef, requestObject }: Entry): boolean {
  const resource = objectRef?.resource
  if (resource === 'replicas') return requestURI.includes('labelSelector=')
  if (requestURI.includes('?')) return false
  if (resource !== 'leases') {
    return resource === 'nodes' || resource === 'backingimages' || resource === 'backingimagedatasources'
  }
  if (verb === 'get') return /^(node\.|unowned-disks$)/.test(objectRef?.name ?? '')
  const reserved = requestObject?.metadata?.annotations?.['holdfast.dev/reservations']
  return reserved !== undefined && reserved !== '[]'
}
