import type { DemoCluster } from '../../src/commands/sandbox/demo-cluster.ts'

/** A way in which somebody asks for the two changes of a pair. */
export type Way = Pick<DemoCluster, 'evict' | 'cleanUp'>
