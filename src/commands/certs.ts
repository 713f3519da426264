import { Command } from 'commander'
import { fillCertificateFolder } from '../tls/certificate-folder.ts'
import { expiryOf } from '../tls/expiry.ts'
import { UnusableAuthority } from '../tls/issue.ts'
import { BadServerName } from '../tls/server-names.ts'
import { FilesInTheWay } from '../tls/write.ts'
import { CannotRun } from './exit-code.ts'
import { repeatable } from './repeatable.ts'
import type { CommandSurroundings } from './surroundings.ts'

interface CertsFlags {
  readonly dir: string
  readonly dns: readonly string[]
  readonly ip: readonly string[]
  readonly overwrite: boolean
}

/** `holdfast certs`: a certificate authority and a serving certificate for local use. */
export function certsCommand(surroundings: CommandSurroundings): Command {
  return new Command('certs')
    .description('Makes a certificate authority and a serving certificate, for local use.')
    .option('--dir <folder>', 'where they go; an authority that lies there already is used again', 'certs')
    .option('--dns <name>', 'name that the server is called by; may be given several times', repeatable, [])
    .option(
      '--ip <address>',
      'address that the server is called by; may be given several times',
      repeatable,
      [],
    )
    .option('--overwrite', 'replace tls.crt and tls.key if they are there', false)
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast certs --dir certs --dns localhost --ip 127.0.0.1
  $ holdfast certs --dir certs --dns holdfast.holdfast.svc --overwrite`,
    )
    .action((flags: CertsFlags) => makeCertificates(flags, surroundings))
}

async function makeCertificates(
  { dir, dns, ip, overwrite }: CertsFlags,
  { stdout }: CommandSurroundings,
): Promise<void> {
  try {
    const clock = { now: () => Date.now() }
    const { cert, authorityCert, written } = await fillCertificateFolder(dir, { dns, ips: ip }, clock, {
      overwrite,
    })
    for (const path of written) stdout.write(`wrote ${path}\n`)
    stdout.write(
      `The certificate is valid until ${day(expiryOf(cert))}, its authority until ${day(expiryOf(authorityCert))}.\n`,
    )
  } catch (error) {
    const known = [FilesInTheWay, UnusableAuthority, BadServerName].some((kind) => error instanceof kind)
    if (known && error instanceof Error) throw new CannotRun(error.message, { cause: error })
    throw error
  }
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10)
}
