import { setFlagsFromString } from 'node:v8'

/**
 * What V8 is told, so that a guard takes less memory and keeps its speed. V8 reads these flags whenever it collects or compiles,
 * so they work from now on. docs/performance.md has the figures (Memory).
 */
const flags = [
  // Collects sooner, and gives pages back while the process is idle. Otherwise a guard keeps what its start and its bursts
  // have used.
  '--optimize-for-size',
  // Otherwise V8 makes objects old at their birth, once most objects from the same place in the code have survived a collection.
  // Of 50 requests at a time most do, but they die soon. Collecting them as old objects made two of five guards slower by a
  // fifth to a half, until they ended.
  '--no-allocation-site-pretenuring',
  // Leaves out the first kind of machine code. Functions that run often get a better one soon.
  '--no-sparkplug',
] as const

/**
 * Lets V8 save memory. The first flag makes new objects old sooner: at thousands of reviews a second that costs CPU, unless Node
 * was started with `--min-semi-space-size=2 --max-semi-space-size=2`, as in the image. That size cannot be set later.
 */
export function saveMemory(): void {
  for (const flag of flags) setFlagsFromString(flag)
}
