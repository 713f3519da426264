import type { Stage } from '../../src/story/stage.ts'

/** A way in which somebody asks for the two changes of a pair. */
export type Way = Pick<Stage, 'evict' | 'cleanUp'>
