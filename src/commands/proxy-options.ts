import { InvalidArgumentError, Option, type Command } from 'commander'
import { parseDuration } from '../configuration/duration.ts'
import type { Settings } from '../configuration/settings.ts'
import { VariableOption } from './variable-option.ts'

/** Where a proxy listens. */
export interface Listen {
  readonly host: string
  readonly port: number
}

/** What both proxies can be told. */
export interface ProxyFlags {
  readonly listen: Listen
  readonly tls: boolean
  /** Milliseconds. */
  readonly upstreamTimeout: number
}

/** Gives a command the options of both proxies. */
export function addProxyOptions(command: Command, { host, port }: Listen): void {
  command
    .addOption(
      new VariableOption('--listen <host:port>', 'where to listen', 'HOLDFAST_PROXY_LISTEN')
        .argParser(hostAndPort)
        .default({ host, port }, `${host}:${port}`),
    )
    .option('--tls', 'serve TLS, with --tls-cert and --tls-key', false)
    .addOption(
      new Option('--upstream-timeout <duration>', 'how long the upstream may take to answer')
        .argParser(duration)
        .default(120_000, '2m'),
    )
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/**
 * The ports beside that of the proxy, unless something else is said. On one machine there may be a guard and another proxy, so
 * they are free ones; the log names them. In a cluster each pod has its own, and they are where people look for them.
 */
export function ownPorts({ listen }: ProxyFlags): Settings {
  return isLoopback(listen.host) ? { healthPort: 0, operatorPort: 0 } : {}
}

function hostAndPort(text: string): Listen {
  const [, host, port] = /^(?:\[?([^\]]*)\]?:)?(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('It must be like 127.0.0.1:8001.')
  return { host: host === undefined || host === '' ? '127.0.0.1' : host, port: Number(port) }
}

/** @returns milliseconds @throws InvalidArgumentError */
export function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('It must be a duration such as 30s or 2m.')
  return milliseconds
}
