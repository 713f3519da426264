import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { memoryOf } from '../fixtures/process-memory.ts'
import { root } from '../fixtures/root.ts'
import { logOf } from '../commands/holdfast.ts'

/** The heap that Node takes by itself where there are 512 MiB, as in the chart: half of it, in MiB. */
const heapMiB = 256

/** The reader of standard output: it reads, closes once the guard listens, or stops reading. */
export type Output = 'read' | 'closed' | 'stalled'

/** A guard or a proxy as it is installed, in its own process with the memory limit of the chart. */
export class GuardProcess {
  readonly #child: ChildProcess
  /** Lines of its log at level error, and its standard error. */
  readonly complaints: string[] = []
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** @param args of the command, without its ports and addresses */
  static async start(args: readonly string[], output: Output = 'read'): Promise<GuardProcess> {
    const ports = ['--health-port', '0', '--operator-port', '0']
    const program = [`--max-old-space-size=${heapMiB}`, join(root, 'dist/main.js'), ...args, ...ports]
    const child = spawn(process.execPath, program, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { HOME: '/dev/null' },
    })
    let said = ''
    child.stderr.on('data', (part: Buffer) => (said += part.toString()))
    const logged = logOf(child)
    try {
      const { port } = await logged('listening')
      await logged('every Longhorn object is read')
      const guard = new GuardProcess(child, Number(port))
      guard.#treat(output)
      return guard
    } catch (cause) {
      child.kill('SIGKILL')
      throw new Error(`the guard does not start: ${said}`, { cause })
    }
  }

  /** False once it has ended, however. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The most memory since {@link forgetPeak}, resident, in MiB. */
  get peakMiB(): number {
    return this.isAlive ? memoryOf(this.#child.pid, 'VmHWM') : NaN
  }

  /** Resident memory now, in MiB. */
  get residentMiB(): number {
    return this.isAlive ? memoryOf(this.#child.pid) : NaN
  }

  /** Earlier peaks no longer count. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5')
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  #treat(output: Output): void {
    const { stdout, stderr } = this.#child
    stderr?.on('data', (part: Buffer) => this.complaints.push(part.toString()))
    stdout?.removeAllListeners('data')
    if (output === 'closed') stdout?.destroy()
    else if (output === 'stalled') stdout?.pause()
    else stdout?.resume()
  }
}
