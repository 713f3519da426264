import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { Configuration } from '../configuration/configuration.ts'
import { Guard, type GuardModules } from '../guard/guard.ts'
import { connect, type Connection } from '../kubernetes/connection.ts'
import { createLog } from '../telemetry/log.ts'
import { UnusableCertificate } from '../webhook/certificate.ts'
import { CannotListen } from '../webhook/server.ts'
import { CannotRun } from './exit-code.ts'
import { addSettings, readSettings } from './setting-options.ts'
import { untilSignal } from './until-signal.ts'

/** `holdfast serve`: the guard of a real cluster. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description(
      'Guards a cluster: the admission webhook, over TLS. SIGTERM ends it without losing a review.',
    )
    .addHelpText(
      'after',
      `
Each setting is also an environment variable and a key of the configuration file (healthPort: 8080).

Examples:
  $ holdfast serve --tls-cert certs/tls.crt --tls-key certs/tls.key
  $ holdfast serve --config holdfast.yaml --rule below-min-copies=warn --rule no-eviction-target=off
  $ HOLDFAST_PORT=9443 holdfast serve --kubeconfig ~/.kube/config --context lab`,
    )
    .action(() => serve(command))
  return addSettings(command)
}

async function serve(command: Command): Promise<void> {
  const configuration = await readSettings(command)
  const log = createLog(configuration.logLevel, process.stdout)
  const cert = await readPem('--tls-cert', configuration.tlsCert)
  const key = await readPem('--tls-key', configuration.tlsKey)
  const connection = await connectTo(configuration.kubeconfig, configuration.context)
  const guard = await startGuard(configuration, { connection, tls: { cert, key }, log })
  const ended = new AbortController()
  // It serves while it still reads: writes that raise no danger need not wait.
  guard.whenSynced(ended.signal).catch((err: unknown) => log.debug({ err }, 'ended before all was read'))
  log.info({ signal: await untilSignal() }, 'stopping')
  ended.abort(new Error('The guard was stopped.'))
  await guard.stop()
}

async function startGuard(configuration: Configuration, modules: GuardModules): Promise<Guard> {
  try {
    const guard = new Guard(configuration, modules)
    await guard.start()
    return guard
  } catch (error) {
    if (error instanceof CannotListen || error instanceof UnusableCertificate) {
      throw new CannotRun(error.message, { cause: error })
    }
    throw error
  }
}

async function readPem(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CannotRun(
      `cannot read ${path} (${flag}): ${String(cause)}\nMake a certificate with: holdfast certs --dir certs --dns localhost`,
      { cause },
    )
  }
}

async function connectTo(kubeconfig: string | undefined, context: string | undefined): Promise<Connection> {
  try {
    return await connect({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    })
  } catch (cause) {
    throw new CannotRun(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
