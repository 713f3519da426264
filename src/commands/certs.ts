import { Command } from 'commander'
import { BadApiServerOption } from '../tls/api-server-folder.ts'
import { fillCertificateFolder } from '../tls/certificate-folder.ts'
import { expiryOf } from '../tls/expiry.ts'
import { UnusableAuthority } from '../tls/issue.ts'
import { BadServerName } from '../tls/server-names.ts'
import { FilesInTheWay } from '../tls/write.ts'
import { makeApiServerFiles, type ApiServerFlags } from './certs-api-server.ts'
import { CannotRun } from './exit-code.ts'
import { repeatable } from './repeatable.ts'
import type { CommandSurroundings } from './surroundings.ts'

interface CertsFlags extends ApiServerFlags {
  readonly apiServer: boolean
  readonly dns: readonly string[]
  readonly ip: readonly string[]
}

/** `holdfast certs`: a certificate authority and a serving certificate for local use, or what an API server shows. */
export function certsCommand(surroundings: CommandSurroundings): Command {
  return new Command('certs')
    .description(
      'Makes a certificate authority and a serving certificate, for local use; or what API servers need to show the guard who they are.',
    )
    .option('--dir <folder>', 'where they go; an authority that lies there already is used again', 'certs')
    .option('--dns <name>', 'name that the server is called by; may be given several times', repeatable, [])
    .option(
      '--ip <address>',
      'address that the server is called by; may be given several times',
      repeatable,
      [],
    )
    .option('--overwrite', 'replace what is there, but for an authority', false)
    .option(
      '--api-server',
      'instead, make a client certificate for API servers and the files that tell them to show it',
      false,
    )
    .option(
      '--webhook <host>',
      'how an API server calls the guard, with :<port> if that is not 443 (default: holdfast.holdfast.svc); may be given several times',
      repeatable,
      [],
    )
    .option('--installed-in <folder>', 'where the files lie for an API server', '/etc/kubernetes/holdfast')
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast certs --dir certs --dns localhost --ip 127.0.0.1
  $ holdfast certs --dir certs --dns holdfast.holdfast.svc --overwrite
  $ holdfast certs --api-server --dir certs
  $ holdfast certs --api-server --dir certs --webhook 127.0.0.1:8443 --installed-in /etc/holdfast`,
    )
    .action((flags: CertsFlags) => makeCertificates(flags, surroundings))
}

async function makeCertificates(flags: CertsFlags, surroundings: CommandSurroundings): Promise<void> {
  try {
    if (flags.apiServer) await makeClient(flags, surroundings)
    else await makeServing(flags, surroundings)
  } catch (error) {
    const known = [FilesInTheWay, UnusableAuthority, BadServerName, BadApiServerOption]
    if (error instanceof Error && known.some((kind) => error instanceof kind))
      throw new CannotRun(error.message, { cause: error })
    if (isOfSystem(error))
      throw new CannotRun(`cannot use the folder ${flags.dir}: ${String(error)}`, { cause: error })
    throw error
  }
}

/** The file system says no: it is no folder, or somebody else's. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

async function makeClient(flags: CertsFlags, surroundings: CommandSurroundings): Promise<void> {
  if (flags.dns.length + flags.ip.length > 0) {
    throw new CannotRun(
      '--dns and --ip are for a serving certificate, and --api-server makes a client certificate. Use --webhook to say how an API server calls the guard',
    )
  }
  await makeApiServerFiles(flags, surroundings)
}

async function makeServing(
  { dir, dns, ip, overwrite }: CertsFlags,
  { stdout }: CommandSurroundings,
): Promise<void> {
  const clock = { now: () => Date.now() }
  const { cert, authorityCert, written } = await fillCertificateFolder(dir, { dns, ips: ip }, clock, {
    overwrite,
  })
  for (const path of written) stdout.write(`wrote ${path}\n`)
  stdout.write(
    `The certificate is valid until ${day(expiryOf(cert))}, its authority until ${day(expiryOf(authorityCert))}.\n`,
  )
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10)
}
