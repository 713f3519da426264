// Loaded before a program: writes what the process has used, once it ends.
import { readFileSync, writeFileSync } from 'node:fs'

/** In bytes. `maxRSS` of Node would count the parent too, as it was when it started this process. */
function mostMemory() {
  if (process.platform !== 'linux') return process.memoryUsage.rss()
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  writeFileSync(process.env.SPENT_FILE, JSON.stringify({ cpu: user + system, memory: mostMemory() }))
})
