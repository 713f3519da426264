import { fieldOf } from '../src/json/schema.ts'
import type { ClusterObject } from '../src/sandbox/cluster-client.ts'
import { resources } from '../src/sandbox/controllers/resources.ts'
import { Sandbox } from '../src/sandbox/sandbox.ts'
import type { Asked } from './reviews/questions.ts'

/** The embedded cluster of the comparison, and the objects that the questions are about. */
export interface BenchCluster {
  readonly api: string
  readonly asked: Asked
  stop(): Promise<void>
}

/** Starts it: one node is evicted, and Longhorn's controllers look once, so that nothing changes by itself. */
export async function startCluster(): Promise<BenchCluster> {
  const longhorn = { reactMs: 3_600_000, syncMs: 3_600_000, drainMs: 3_600_000 }
  const report = (): void => undefined
  const sandbox = await Sandbox.start({ port: 0, release: 'v1.8.0', nodes: 4, images: 2, longhorn, report })
  const { client, namespace } = sandbox
  const nodes = await client.list(resources.Node, namespace)
  const [image] = await client.list(resources.BackingImage, namespace)
  const [disk = ''] = Object.keys(fieldsOf(image, 'spec').diskFileSpecMap ?? {})
  const holder = nodes.find((node) =>
    Object.values(fieldsOf(node, 'status').diskStatus ?? {}).some(
      (status: unknown) => fieldOf(status, 'diskUUID') === disk,
    ),
  )
  const node = nodes.find((each) => each !== holder)
  if (!image || !holder || !node) throw new Error('the embedded cluster has other objects than usual')
  const evicting = { ...fieldsOf(holder, 'spec'), allowScheduling: false, evictionRequested: true }
  await client.update(resources.Node, { ...holder, spec: evicting })
  const asked = { node: stored(node), image: stored(image), disk }
  return { api: sandbox.api.url, asked, stop: () => sandbox.stop() }
}

function stored(object: ClusterObject): Asked['node'] {
  return { ...object, metadata: { ...object.metadata }, spec: fieldsOf(object, 'spec') }
}

function fieldsOf(object: unknown, name: string): Readonly<Record<string, object | undefined>> {
  return (fieldOf(object, name) ?? {}) as Readonly<Record<string, object | undefined>>
}
