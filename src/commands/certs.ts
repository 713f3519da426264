import { join } from 'node:path'
import { Command } from 'commander'
import { apiServerNames, BadApiServerOption, fillApiServerFolder } from '../tls/api-server-folder.ts'
import { FilesInTheWay, fillCertificateFolder } from '../tls/folder.ts'
import { BadServerName, UnusableAuthority } from '../tls/issue.ts'
import { expiryOf } from '../tls/stored.ts'
import { repeatable } from './options/variable-option.ts'
import { CannotRun, type CommandSurroundings } from './surroundings.ts'
import { inWords } from '../text/system-error.ts'

interface CertsFlags extends ApiServerFlags {
  readonly apiServer: boolean
  readonly dns: readonly string[]
  readonly ip: readonly string[]
}

/**
 * `holdfast certs`: a certificate authority and a serving certificate for local use, or the client
 * certificate of an API server.
 */
export function certsCommand(surroundings: CommandSurroundings): Command {
  return new Command('certs')
    .description(
      'Makes a certificate authority and a serving certificate for local use, or a client certificate for API servers.',
    )
    .option('--dir <folder>', 'folder for the files; an authority in it is used again', 'certs')
    .option('--dns <name>', 'DNS name of the server; may be given several times', repeatable, [])
    .option('--ip <address>', 'IP address of the server; may be given several times', repeatable, [])
    .option('--overwrite', 'replace existing files, except an authority', false)
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
    .option(
      '--installed-in <folder>',
      'folder of the files on the machine of an API server',
      '/etc/kubernetes/holdfast',
    )
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
      throw new CannotRun(`cannot use the folder ${flags.dir} (--dir): ${inWords(error)}`, { cause: error })
    throw error
  }
}

/** An error of the file system: not a folder, or no right to write it. */
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

/** The options of `holdfast certs --api-server`. */
export interface ApiServerFlags {
  readonly dir: string
  readonly webhook: readonly string[]
  readonly installedIn: string
  readonly overwrite: boolean
}

/** `doctor` and the alert warn from this time before the end of a certificate, in milliseconds. */
const aheadMs = 30 * 86_400_000

/**
 * Makes the files by which the guard recognises an API server, and says where each goes.
 *
 * @throws the errors of {@link fillApiServerFolder}
 */
export async function makeApiServerFiles(
  { dir, webhook, installedIn, overwrite }: ApiServerFlags,
  { stdout }: Pick<CommandSurroundings, 'stdout'>,
): Promise<void> {
  const clock = { now: () => Date.now() }
  const webhooks = webhook.length === 0 ? ['holdfast.holdfast.svc'] : webhook
  const done = await fillApiServerFolder(dir, { webhooks, installedIn, overwrite }, clock)
  for (const path of done.written) stdout.write(`wrote ${path}\n`)
  const { folder, caCert, caKey, cert, key, admission } = apiServerNames
  const [end, authorityEnd] = [expiryOf(done.cert), expiryOf(done.authorityCert)]
  const renewBy = new Date(end.getTime() - aheadMs)
  const copied = join(dir, folder)
  const steps = done.isRenewal
    ? `The authority is unchanged. Copy ${cert} and ${key} from ${copied} over the old ones (${installedIn}) on
each machine with an API server. It reads them again by itself, within five minutes.
`
    : `1. Copy ${copied} to ${installedIn} on each machine with an API server, for its user alone.
2. Start each API server with --admission-control-config-file=${join(installedIn, admission)}
   If it has such a file, add the plugin in ${admission} to that. An API server in a pod needs the folder as a volume.
3. When all of them run with it, and not before, let the guard ask for the certificate:
   kubectl create configmap holdfast-client-ca --namespace holdfast --from-file=ca.crt=${join(dir, caCert)}
   helm upgrade holdfast charts/holdfast --namespace holdfast --reset-then-reuse-values --set webhook.clientCertificates.configMap=holdfast-client-ca
   Without the chart: holdfast serve --client-ca ${join(dir, caCert)}
4. Keep ${join(dir, caKey)} secret: with it, anyone can send reviews.
`
  stdout.write(`
The client certificate is valid until ${day(end)}, its authority until ${day(authorityEnd)}.

${steps}
Before ${day(renewBy)} make a new certificate: add --overwrite to this command.
`)
}
