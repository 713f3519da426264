import { spawn } from 'node:child_process'
import type { Clock } from '../time/clock.ts'
import { errorCode, errorText } from './error-text.ts'
import { readCredential, type ExecCredential } from './exec-credential.ts'
import { PluginProblem } from './plugin-problem.ts'

/** A program that gives credentials: `exec` of a user in a kubeconfig. */
export interface ExecConfig {
  /** A path, or a name to look for on the PATH. */
  readonly command: string
  readonly args: readonly string[]
  readonly env: readonly (readonly [name: string, value: string])[]
  /** `client.authentication.k8s.io/v1` or an older one. */
  readonly apiVersion: string
  /** What to do where it is not installed. */
  readonly installHint: string | undefined
  /** `Never`, `IfAvailable` or `Always`: whether it asks something of a person. */
  readonly interactiveMode: string
  /** Whether it is told which cluster the credentials are for. */
  readonly provideClusterInfo: boolean
}

/** What a plugin works with. */
export interface ExecModules {
  /** What it inherits. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What it is told about the cluster, in the words of `ExecCredential`; asked only if it is to be told. */
  readonly cluster: () => Promise<object>
  readonly clock: Clock
  /** True if it may ask something of a person: it gets the terminal of this process. */
  readonly isInteractive: boolean
}

/** A plugin that asks something where nobody answers would wait for ever. */
const patienceMs = 30_000

/** A person who signs in with a browser takes longer. */
const patienceWithPersonMs = 5 * 60_000

/** An ExecCredential is a token, or a certificate with its key. */
const maxBytes = 1024 * 1024

/** Runs the plugin when credentials are needed, and keeps what it gave until that expires or is refused. */
export class ExecPlugin {
  readonly #config: ExecConfig
  readonly #modules: ExecModules
  #kept: ExecCredential | undefined
  #running: Promise<ExecCredential> | undefined

  constructor(config: ExecConfig, modules: ExecModules) {
    this.#config = config
    this.#modules = modules
  }

  /** @throws PluginProblem */
  async credential(): Promise<ExecCredential> {
    const { expiresAt = Infinity } = this.#kept ?? {}
    if (this.#kept && this.#modules.clock.now() < expiresAt) return this.#kept
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
    this.#kept = await this.#running
    return this.#kept
  }

  /** The API server did not take these. Another request may have found that out before, and has others by now. */
  refused(credential: ExecCredential): void {
    if (this.#kept === credential) this.#kept = undefined
  }

  async #run(): Promise<ExecCredential> {
    const { command, apiVersion, interactiveMode, provideClusterInfo } = this.#config
    const interactive = this.#modules.isInteractive && interactiveMode !== 'Never'
    if (interactiveMode === 'Always' && !interactive) {
      throw new PluginProblem(
        `the exec plugin ${command} asks something of a person (interactiveMode: Always), and there is no terminal. Run the command on one, or give credentials that need no answer`,
      )
    }
    const cluster = provideClusterInfo ? { cluster: await this.#modules.cluster() } : {}
    const info = { kind: 'ExecCredential', apiVersion, spec: { ...cluster, interactive } }
    return readCredential(await this.#output(JSON.stringify(info), interactive), this.#config)
  }

  async #output(info: string, interactive: boolean): Promise<string> {
    const { command, args, env } = this.#config
    const { environment, clock } = this.#modules
    const child = spawn(command, [...args], {
      env: { ...environment, ...Object.fromEntries(env), KUBERNETES_EXEC_INFO: info },
      // What it says to nobody in particular may be secret, and ends up in no log.
      stdio: interactive ? ['inherit', 'pipe', 'inherit'] : ['ignore', 'pipe', 'ignore'],
    })
    return await new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const settle = (): void => {
        cancel()
        child.kill('SIGKILL')
        // Another process that it started may hold this open.
        child.stdout.destroy()
      }
      const fail = (problem: string): void => {
        settle()
        reject(new PluginProblem(problem))
      }
      const limitMs = interactive ? patienceWithPersonMs : patienceMs
      const cancel = clock.setTimer(limitMs, () =>
        fail(
          `the exec plugin ${command} gave nothing within ${limitMs / 1_000} s: does it ask for something? Run it to see`,
        ),
      )
      child.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxBytes) fail(`the exec plugin ${command} printed more than any ExecCredential has`)
        else chunks.push(chunk)
      })
      child.once('error', (error) => fail(this.#notRun(error)))
      child.once('close', (code, signal) => {
        if (code !== 0) {
          fail(
            `the exec plugin ${command} failed (${code === null ? String(signal) : `exit code ${code}`}). What it printed may be secret and is not shown; run it to see`,
          )
          return
        }
        settle()
        resolve(Buffer.concat(chunks).toString('utf8'))
      })
    })
  }

  #notRun(error: Error): string {
    const { command, installHint } = this.#config
    if (errorCode(error) !== 'ENOENT') return `the exec plugin ${command} cannot be run: ${errorText(error)}`
    const where = command.includes('/') ? 'there is no such file' : 'it is not on the PATH'
    const hint = installHint === undefined ? '' : `\n\n${installHint.trim()}`
    return `the exec plugin ${command} is not installed: ${where} (ENOENT)${hint}`
  }
}
