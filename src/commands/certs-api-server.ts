import { join } from 'node:path'
import { apiServerNames, fillApiServerFolder } from '../tls/api-server-folder.ts'
import { expiryOf } from '../tls/expiry.ts'
import type { CommandSurroundings } from './surroundings.ts'

/** What `holdfast certs --api-server` can be told. */
export interface ApiServerFlags {
  readonly dir: string
  readonly webhook: readonly string[]
  readonly installedIn: string
  readonly overwrite: boolean
}

/** So long before its end a certificate should be replaced, in milliseconds: `doctor` and the alert warn from then on. */
const aheadMs = 30 * 86_400_000

/**
 * Makes what an API server needs to show the guard who it is, and says what goes where.
 *
 * @throws what {@link fillApiServerFolder} throws
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
    ? `The authority is the one of before. Copy ${cert} and ${key} from ${copied} over the old ones (${installedIn}) on
each machine with an API server. It reads them anew by itself, within five minutes.
`
    : `1. Copy ${copied} to ${installedIn} on each machine with an API server, for its user alone.
2. Start each API server with --admission-control-config-file=${join(installedIn, admission)}
   If it has such a file, add the plugin in ${admission} to that. An API server in a pod needs the folder as a volume.
3. When all of them run with it, and not before, let the guard ask for the certificate:
   kubectl create configmap holdfast-client-ca --namespace holdfast --from-file=ca.crt=${join(dir, caCert)}
   helm upgrade holdfast charts/holdfast --namespace holdfast --reset-then-reuse-values --set webhook.clientCertificates.configMap=holdfast-client-ca
   Without the chart: holdfast serve --client-ca ${join(dir, caCert)}
4. Keep ${join(dir, caKey)} where nobody else reads it: whoever has it can send reviews.
`
  stdout.write(`
The client certificate is valid until ${day(end)}, its authority until ${day(authorityEnd)}.

${steps}
Before ${day(renewBy)} make a new certificate: add --overwrite to this command.
`)
}
