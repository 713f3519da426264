import { ApiFailure } from '../../src/kubernetes/client/failures.ts'
import type { LoadedCluster } from './loaded-cluster.ts'
import { copiesOf, emptyDisk, small } from './size.ts'

/** A write that is measured, and what puts it back. */
export interface Change {
  readonly what: string
  readonly ask: (loaded: LoadedCluster, round: number) => Promise<unknown>
  readonly after?: (loaded: LoadedCluster, round: number) => Promise<unknown>
}

/**
 * Each round is about another node, and another image. Refusals are about as many images on each cluster: the first one about
 * an image makes new Events, and later ones are counted there.
 */
export const changes: readonly Change[] = [
  {
    what: 'a change of tags',
    ask: (loaded, round) => loaded.patch(node(loaded, round), { spec: { tags: [`tag-${round}`] } }),
  },
  {
    what: 'a flag is raised',
    ask: (loaded, round) => flag(loaded, round, true),
    after: (loaded, round) => flag(loaded, round, false),
  },
  {
    what: 'a clean-up',
    ask: (loaded, round) => wanted(loaded, round, null),
    after: async (loaded, round) => {
      await file(loaded, round, null)
      await wanted(loaded, round, { evictionRequested: false, dataEngine: 'v1' })
      await file(loaded, round, { state: 'ready', progress: 100, dataEngine: 'v1' })
    },
  },
  {
    what: 'a refusal',
    ask: async (loaded, round) => {
      try {
        await loaded.patch(image(loaded, round % small.images), { spec: { diskFileSpecMap: null } })
      } catch (error) {
        if (error instanceof ApiFailure && error.code === 403) return
        throw error
      }
      throw new Error('the removal of the last copies was admitted')
    },
  },
]

function node({ size }: LoadedCluster, round: number): string {
  return `nodes/node-${(round % size.nodes) + 1}`
}

function image({ size }: LoadedCluster, round: number): string {
  return `backingimages/image-${round % size.images}`
}

/** The UUID of the disk with the first copy of the image. */
function firstDisk({ size, seeded }: LoadedCluster, round: number): string {
  const [disk] = copiesOf(size, round % size.images)
  return seeded.uuidOf(disk ?? 'node-1/disk-1')
}

function flag(loaded: LoadedCluster, round: number, evictionRequested: boolean): Promise<unknown> {
  const disks = { [emptyDisk(loaded.size)]: { evictionRequested } }
  return loaded.patch(node(loaded, round), { spec: { disks } })
}

function wanted(loaded: LoadedCluster, round: number, copy: object | null): Promise<unknown> {
  const diskFileSpecMap = { [firstDisk(loaded, round)]: copy }
  return loaded.patch(image(loaded, round), { spec: { diskFileSpecMap } })
}

function file(loaded: LoadedCluster, round: number, state: object | null): Promise<unknown> {
  const diskFileStatusMap = { [firstDisk(loaded, round)]: state }
  return loaded.patch(`${image(loaded, round)}/status`, { status: { diskFileStatusMap } })
}
