// Run by `npm run test:start-up`: what the program costs to start, in CPU seconds and memory, and how much memory a guard
// of a small cluster takes. It fails above the limits. `-- --runs 9 --program ../older/dist/main.js` measures another build.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { logOf, runProgram, startProgram } from '../commands/holdfast.ts'
import { imageStart } from '../fixtures/image-start.ts'
import { root } from '../fixtures/root.ts'
import { spending } from '../package/spending.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    program: { type: 'string', default: join(root, 'dist/main.js') },
  },
})
const runs = Number(values.runs)
const program = resolve(values.program)

/** The most that a command may use: CPU seconds, and MB (2^20 bytes). */
const limits: readonly (readonly [command: string, cpuSeconds: number, residentMB: number])[] = [
  ['--help', 0.15, 60],
  ['--version', 0.15, 60],
  ['stauts', 0.15, 60],
  ['status --help', 0.3, 80],
  ['status', 0.45, 90],
  ['plan node-1', 0.45, 90],
  ['completion bash', 0.45, 110],
]
/** Of a guard at rest that is started as in the image. */
const guardLimitMB = 90
/** So many guards run at the same time. */
const guards = 3
/** Until V8 has collected what the start has left. */
const restMs = 40_000

const folder = await mkdtemp(join(tmpdir(), 'holdfast-start-up-'))
const path = (name: string): string => join(folder, name)
const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: path('kubeconfig') }
const sandbox = await Sandbox.start({
  ...{ port: 0, release: 'v1.8.0', nodes: 3, images: 2 },
  ...{ longhorn: { drainMs: 5_000 }, report: () => undefined },
})
try {
  await writeFile(path('kubeconfig'), sandbox.kubeconfig)
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`
  console.log(`Node ${process.version}, ${process.platform}, ${machine}; the median of ${runs} runs\n`)
  row('command', 'CPU s', 'at most', 'MB', 'at most')
  for (const [command, cpuSeconds, residentMB] of limits) {
    const spent = []
    for (let run = 0; run < runs; run += 1)
      spent.push(await spending([program, ...command.split(' ')], env, folder))
    const cpu = median(spent.map((each) => each.cpuSeconds))
    const memory = median(spent.map((each) => each.residentMB))
    row(command, cpu.toFixed(2), String(cpuSeconds), memory.toFixed(0), String(residentMB))
    if (cpu > cpuSeconds || memory > residentMB) process.exitCode = 1
  }
  await runProgram(process.execPath, [program, 'certs', '--dir', path('certs'), '--dns', 'localhost'], env)
  const memory = median(await Promise.all(Array.from({ length: guards }, () => memoryOfGuard(path('certs')))))
  row('serve, at rest', '', '', memory.toFixed(0), String(guardLimitMB))
  if (memory > guardLimitMB) process.exitCode = 1
} finally {
  await sandbox.stop()
  await rm(folder, { recursive: true })
}

/** What a guard of this cluster takes, in MB. @param certs the folder with its certificate */
async function memoryOfGuard(certs: string): Promise<number> {
  const certificate = ['--tls-cert', join(certs, 'tls.crt'), '--tls-key', join(certs, 'tls.key')]
  const ports = ['--host', '127.0.0.1', '--port', '0', '--health-port', '0', '--operator-port', '0']
  const { options, variables } = imageStart()
  const args = [...options, program, 'serve', ...certificate, ...ports, '--linger', '0s']
  const guard = startProgram(process.execPath, args, { ...variables, ...env }, '')
  try {
    const logged = logOf(guard)
    const { healthPort } = await logged('health is listening')
    await logged('every Longhorn object is read')
    await wait(restMs)
    const metrics = await (await fetch(`http://127.0.0.1:${String(healthPort)}/metrics`)).text()
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]) / 2 ** 20
  } finally {
    guard.kill('SIGTERM')
    await guard.exit
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function row(command: string, ...cells: readonly string[]): void {
  console.log(`${command.padEnd(20)}${cells.map((cell) => cell.padStart(9)).join('')}`)
}
