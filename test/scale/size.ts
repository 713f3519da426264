import { parseArgs } from 'node:util'
import type { DiskName, SeedImage, SeedOptions } from '../../src/sandbox/controllers/seed-objects.ts'
import { parseDuration } from '../../src/time/duration.ts'

/** How large a cluster is. */
export interface Size {
  readonly nodes: number
  /** Of each node; the last one stays empty. */
  readonly disks: number
  readonly images: number
  /** Of each image. */
  readonly copies: number
  readonly replicas: number
}

/** The options of the program. */
export interface ScaleOptions {
  readonly large: Size
  /** How long statuses change. */
  readonly churnMs: number
  /** How often each change is measured. */
  readonly rounds: number
}

/** Ten disks, to compare with. */
export const small: Size = { nodes: 5, disks: 2, images: 5, copies: 2, replicas: 5 }

/** The design point, unless the arguments say otherwise. @throws Error for arguments that cannot be read */
export function scaleOptions(args: readonly string[]): ScaleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: 'string', default: '500' },
      disks: { type: 'string', default: '10' },
      images: { type: 'string', default: '1000' },
      copies: { type: 'string', default: '20' },
      replicas: { type: 'string', default: '5000' },
      churn: { type: 'string', default: '3m' },
      rounds: { type: 'string', default: '60' },
    },
  })
  const churnMs = parseDuration(values.churn)
  if (churnMs === undefined) throw new Error('--churn must be a duration such as 3m')
  const [nodes, disks, images] = [values.nodes, values.disks, values.images].map(Number)
  return {
    large: {
      ...{ nodes: nodes ?? 0, disks: disks ?? 0, images: images ?? 0 },
      ...{ copies: Number(values.copies), replicas: Number(values.replicas) },
    },
    churnMs,
    rounds: Number(values.rounds),
  }
}

/** The name of the disk of a node that has no copy. */
export function emptyDisk({ disks }: Size): string {
  return `disk-${disks}`
}

/** The nodes with copies of an image, and the disk of each. */
export function copiesOf({ nodes, disks, copies }: Size, image: number): readonly DiskName[] {
  // The copies of an image lie on nodes far apart.
  const apart = Math.max(1, Math.floor(nodes / copies))
  return Array.from(
    { length: copies },
    (_, copy): DiskName => `node-${((image + copy * apart) % nodes) + 1}/disk-${(image % (disks - 1)) + 1}`,
  )
}

/** What the cluster is filled with. */
export function contentOf(size: Size): Partial<SeedOptions> {
  const images = Array.from({ length: size.images }, (_, image): SeedImage => ({
    ...{ name: `image-${image}`, copies: copiesOf(size, image), minNumberOfCopies: 1 },
  }))
  const replicas = Array.from({ length: size.replicas }, (_, at) => {
    const image = at % size.images
    // The first copy is in use by nobody, so that it can be cleaned up.
    const [, ...others] = copiesOf(size, image)
    const disk = others[Math.floor(at / size.images) % others.length] ?? 'node-1/disk-1'
    return { volume: `pvc-${at}`, disk, image: `image-${image}` }
  })
  return { nodes: size.nodes, disksPerNode: size.disks, release: 'v1.8.0', images, replicas }
}
