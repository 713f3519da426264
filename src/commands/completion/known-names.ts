import { connect, type Connection } from '../../kubernetes/client/connection.ts'
import { type ConfigSearch, findConfig } from '../../kubernetes/client/find-config.ts'
import { jsonRequest } from '../../kubernetes/client/json-request.ts'
import { readKubeconfigs } from '../../kubernetes/client/kubeconfig.ts'
import { within } from '../../time/clock.ts'
import type { ClusterKind } from './offers.ts'

/** Where names are looked for. */
interface NameSearch {
  readonly search: ConfigSearch
  readonly longhornNamespace: string
  /** The node whose disks are asked for. */
  readonly node: string | undefined
}

/** A person who waits for a completion waits no longer, in milliseconds. */
const withinMs = 2_000

/** So many names are of use to a person. */
const most = 500

/** The names of one kind that there are. @throws if they cannot be found out */
export async function knownNames(kind: ClusterKind, where: NameSearch): Promise<readonly string[]> {
  if (kind === 'contexts') return await contexts(where.search)
  const connection = await connect(where.search)
  const signal = within(withinMs, new AbortController().signal)
  const namespace = `/apis/longhorn.io/v1beta2/namespaces/${encodeURIComponent(where.longhornNamespace)}`
  const list = async (path: string) => await names(connection, path, signal)
  try {
    switch (kind) {
      case 'namespaces':
        return await list('/api/v1/namespaces')
      case 'nodes':
        return await list(`${namespace}/nodes`)
      case 'images':
        return await list(`${namespace}/backingimages`)
      case 'disks':
        return where.node === undefined
          ? []
          : await disks(connection, `${namespace}/nodes/${encodeURIComponent(where.node)}`, signal)
      case 'objects':
        return [
          ...(await list(`${namespace}/nodes`)).map((name) => `nodes/${name}`),
          ...(await list(`${namespace}/backingimages`)).map((name) => `backingimages/${name}`),
        ]
    }
  } finally {
    connection.close()
  }
}

async function contexts(search: ConfigSearch): Promise<readonly string[]> {
  const source = findConfig(search)
  if (source.from === 'service-account') return []
  return (await readKubeconfigs(source)).contexts.map(({ name }) => name)
}

async function names(connection: Connection, path: string, signal: AbortSignal): Promise<readonly string[]> {
  const query = { limit: String(most) }
  const list = fieldsOf(await jsonRequest(connection, { method: 'GET', path, query, signal }))
  const items: readonly unknown[] = Array.isArray(list.items) ? list.items : []
  return items
    .map((item) => fieldsOf(fieldsOf(item).metadata).name)
    .filter((name) => typeof name === 'string')
}

async function disks(connection: Connection, path: string, signal: AbortSignal): Promise<readonly string[]> {
  const node = fieldsOf(await jsonRequest(connection, { method: 'GET', path, signal }))
  return Object.keys(fieldsOf(fieldsOf(node.spec).disks))
}

/** By hand: a library that reads JSON by a schema takes longer to load than a person waits. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
