// Loaded into a guard of the soak, beside `--expose-gc`. At SIGUSR2 the guard collects all garbage and prints what is left on
// its heap and in its buffers, as a line of its log.
import process from 'node:process'

process.on('SIGUSR2', () => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  process.stdout.write(`${JSON.stringify({ msg: 'live memory', bytes: heapUsed + external })}\n`)
})
