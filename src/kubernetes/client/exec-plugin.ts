import { spawn } from 'node:child_process'
import type { Clock } from '../../time/clock.ts'
import { errorCode } from './failures.ts'
import { Fields } from './fields.ts'
import { inWords } from '../../text/system-error.ts'

/** A program that prints credentials: `exec` of a user in a kubeconfig. */
export interface ExecConfig {
  /** A path, or a name to look for on the PATH. */
  readonly command: string
  readonly args: readonly string[]
  readonly env: readonly (readonly [name: string, value: string])[]
  /** `client.authentication.k8s.io/v1` or an older one. */
  readonly apiVersion: string | undefined
  /** The advice for a missing installation. */
  readonly installHint: string | undefined
  /** `Never`, `IfAvailable` or `Always`: whether it prompts the user. */
  readonly interactiveMode: string | undefined
  /** Whether it gets the description of the cluster. */
  readonly provideClusterInfo: boolean
}

/** The surroundings of a plugin. */
interface ExecModules {
  /** The environment that it inherits. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The description of the cluster, in the words of `ExecCredential`; read only if the plugin wants it. */
  readonly cluster: () => Promise<object>
  readonly clock: Clock
  /** True if it may prompt the user: it gets the terminal of this process. */
  readonly isInteractive: boolean
}

/** Without a limit, a plugin that prompts where no user is would wait for ever. */
const withinMs = 30_000

/** The limit for a person who signs in with a browser. */
const patienceWithPersonMs = 5 * 60_000

/** An ExecCredential is a token, or a certificate with its key. */
const maxBytes = 1024 * 1024

/**
 * Runs the plugin when credentials are needed, and keeps its result until that expires or the API server
 * rejects it.
 */
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

  /**
   * The API server rejected these credentials. An earlier request may have reported that already, and newer
   * ones may be here.
   */
  refused(credential: ExecCredential): void {
    if (this.#kept === credential) this.#kept = undefined
  }

  async #run(): Promise<ExecCredential> {
    const { command, apiVersion, interactiveMode, provideClusterInfo } = this.#config
    const interactive = this.#modules.isInteractive && interactiveMode !== 'Never'
    if (interactiveMode === 'Always' && !interactive) {
      throw new PluginProblem(
        `the exec plugin ${command} needs a terminal to ask the user (interactiveMode: Always). Run the command on a terminal, or use credentials that ask nothing`,
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
      // Its output may be secret, so no log gets it.
      stdio: interactive ? ['inherit', 'pipe', 'inherit'] : ['ignore', 'pipe', 'ignore'],
    })
    return await new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const settle = (): void => {
        cancel()
        child.kill('SIGKILL')
        // A process that it has started may keep this open.
        child.stdout.destroy()
      }
      const fail = (problem: string): void => {
        settle()
        reject(new PluginProblem(problem))
      }
      const limitMs = interactive ? patienceWithPersonMs : withinMs
      const cancel = clock.setTimer(limitMs, () =>
        fail(
          `the exec plugin ${command} printed no credentials within ${limitMs / 1_000} s. It may be waiting for an answer; run it to see`,
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
            `the exec plugin ${command} failed (${code === null ? String(signal) : `exit code ${code}`}). Its output may be secret and is not shown; run it to see`,
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
    if (errorCode(error) !== 'ENOENT') return `the exec plugin ${command} cannot be run: ${inWords(error)}`
    const where = command.includes('/') ? 'there is no such file' : 'it is not on the PATH'
    const hint = installHint === undefined ? '' : `\n\n${installHint.trim()}`
    return `the exec plugin ${command} is not installed: ${where} (ENOENT)${hint}`
  }
}

/** The result of an exec plugin: a token, a client certificate, or both. */
interface ExecCredential {
  readonly token: string | undefined
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined
  /** Milliseconds since the epoch; undefined if they are valid until a rejection. */
  readonly expiresAt: number | undefined
}

/**
 * Reads the output of a plugin.
 *
 * @throws PluginProblem that quotes nothing of it
 */
function readCredential(
  printed: string,
  { command, apiVersion }: Pick<ExecConfig, 'command' | 'apiVersion'>,
): ExecCredential {
  const hidden = 'Its output may be secret and is not shown; run it to see'
  let json: unknown
  try {
    json = JSON.parse(printed)
  } catch {
    // The error of the parser quotes the text.
    throw new PluginProblem(`the exec plugin ${command} printed no ExecCredential in JSON. ${hidden}`)
  }
  const none = (why: string): PluginProblem =>
    new PluginProblem(`the exec plugin ${command} printed no usable ExecCredential: ${why}. ${hidden}`)
  try {
    const credential = new Fields(json)
    const given = credential.text('apiVersion')
    if (given !== undefined && given !== apiVersion) {
      throw new Error(`it is not of version ${apiVersion}, which the kubeconfig asks for`)
    }
    return statusOf(credential.mapping('status') ?? new Fields({}))
  } catch (error) {
    throw none(error instanceof Error ? error.message : String(error))
  }
}

function statusOf(status: Fields): ExecCredential {
  const token = status.text('token')
  const cert = status.text('clientCertificateData')
  const key = status.text('clientKeyData')
  if ((cert === undefined) !== (key === undefined)) throw new Error('it has a certificate or a key, not both')
  if (token === undefined && cert === undefined) throw new Error('it has neither a token nor a certificate')
  const expiry = status.text('expirationTimestamp')
  const expiresAt = expiry === undefined ? undefined : Date.parse(expiry)
  if (Number.isNaN(expiresAt)) throw new Error('its expirationTimestamp is not a time')
  return {
    token,
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
    expiresAt,
  }
}

/** A program gave no credentials. The message quotes nothing of its output. */
export class PluginProblem extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'PluginProblem'
  }
}
