// Loaded into a guard of test:scale. From one SIGUSR2 to the next it notes how much CPU the event loop takes between two looks
// of a timer, and prints the most as a line of its log. What other processes take of the machine is not in it.
import process from 'node:process'

/** How often it looks, in milliseconds. A turn counts with what else the loop does within that time. */
const everyMs = 5

/** @type {NodeJS.Timeout | undefined} */
let timer
let before = 0
let longest = 0

process.on('SIGUSR2', () => {
  if (timer === undefined) {
    longest = 0
    before = cpuMs()
    timer = setInterval(look, everyMs)
    return
  }
  clearInterval(timer)
  timer = undefined
  process.stdout.write(`${JSON.stringify({ msg: 'longest turn', ms: longest })}\n`)
})

function look() {
  const now = cpuMs()
  longest = Math.max(longest, now - before)
  before = now
}

/** The CPU time of this thread; on Node 20 that of all threads. */
function cpuMs() {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage()
  return (user + system) / 1_000
}
