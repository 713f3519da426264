import { resources } from '../../src/sandbox/controllers/resources.ts'
import { entries, object } from '../../src/sandbox/json.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'

/** Where pairs are sent: an image with a copy on the first disk of a node. */
export interface Place {
  readonly node: string
  readonly image: string
  /** Of that disk. */
  readonly uuid: string
}

/** Each node with an image, no image twice. The seed puts the first copy of each on the node of the same number. */
export async function placesOf(sandbox: Sandbox): Promise<Place[]> {
  const images = await sandbox.client.list(resources.BackingImage, sandbox.namespace)
  const nodes = new Map(
    images.map((_, at) => [sandbox.cluster.uuidOf(`node-${at + 1}/disk-1`), `node-${at + 1}`]),
  )
  return images.flatMap(({ metadata, spec }) => {
    const [uuid] = entries(object(spec).diskFileSpecMap).keys()
    const node = uuid === undefined ? undefined : nodes.get(uuid)
    return uuid === undefined || node === undefined ? [] : { node, image: metadata.name, uuid }
  })
}
