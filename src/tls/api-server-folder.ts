import { join } from 'node:path'
import type { TimeOfDay } from '../time/clock.ts'
import { makeAuthority } from './authority.ts'
import { FilesInTheWay, present, readAuthority, writeAll } from './folder.ts'
import { issueClient } from './issue.ts'

/** The files that stay with the administrator, and the folder that goes to each API server. */
export const apiServerNames = {
  caCert: 'client-ca.crt',
  caKey: 'client-ca.key',
  folder: 'api-server',
  cert: 'client.crt',
  key: 'client.key',
  kubeconfig: 'kubeconfig.yaml',
  admission: 'admission.yaml',
} as const

/** The common name of the client certificate. */
const apiServerName = 'kube-apiserver'

/** Choices about the certificate that API servers show to the guard. */
interface ApiServerOptions {
  /**
   * How an API server calls the guard: `<service>.<namespace>.svc`, with `:<port>` unless it is 443, or the host and port
   * of a webhook with a URL.
   */
  readonly webhooks: readonly string[]
  /** The folder of the files on the machine of an API server: an absolute path. */
  readonly installedIn: string
  /** Replaces the files for API servers if they exist. */
  readonly overwrite: boolean
  readonly lifetimeMs?: number
}

/** The result. */
interface ApiServerFilled {
  /**
   * True if it replaced a certificate of the same authority. Guards that know the authority accept the new
   * one too.
   */
  readonly isRenewal: boolean
  readonly authorityCert: string
  readonly cert: string
  /** The files written, as paths. */
  readonly written: readonly string[]
}

/** Thrown for options that no API server can use. */
export class BadApiServerOption extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BadApiServerOption'
  }
}

/**
 * Makes the files with which API servers prove their identity to the guard: a client certificate, and two
 * files that tell an API server to show it to this webhook and no other. The authority is separate, since a
 * cluster's signs for many clients. It is never replaced.
 *
 * @throws {@link BadApiServerOption}, FilesInTheWay, UnusableAuthority; then nothing was written
 */
export async function fillApiServerFolder(
  folder: string,
  { webhooks, installedIn, overwrite, lifetimeMs }: ApiServerOptions,
  clock: TimeOfDay,
): Promise<ApiServerFilled> {
  for (const webhook of webhooks) checkWebhook(webhook)
  if (!/^\/./.test(installedIn)) {
    throw new BadApiServerOption(
      `${installedIn} (--installed-in) is not an absolute path, which an API server needs`,
    )
  }
  const names = apiServerNames
  const path = (name: string) => join(folder, name)
  const inside = (name: string) => join(folder, names.folder, name)
  const sent = [names.key, names.cert, names.kubeconfig, names.admission].map(inside)
  const inTheWay = await present(sent)
  if (inTheWay.length > 0 && !overwrite) throw new FilesInTheWay(inTheWay)

  const existing = await readAuthority(path(names.caCert), path(names.caKey))
  const authority = existing ?? (await makeAuthority(clock, { commonName: 'Holdfast client CA' }))
  const client = await issueClient(
    authority,
    apiServerName,
    clock,
    lifetimeMs === undefined ? {} : { lifetimeMs },
  )

  const authorityFiles = existing
    ? []
    : [
        { path: path(names.caKey), text: authority.key, secret: true, overwrite: false },
        { path: path(names.caCert), text: authority.cert, secret: true, overwrite: false },
      ]
  const sentFiles = [
    { path: inside(names.key), text: client.key },
    { path: inside(names.cert), text: client.cert },
    { path: inside(names.kubeconfig), text: kubeconfigFor(webhooks) },
    { path: inside(names.admission), text: admissionConfiguration(installedIn) },
  ].map((file) => ({ ...file, secret: true, overwrite }))
  await writeAll(folder, authorityFiles)
  await writeAll(join(folder, names.folder), sentFiles)
  return {
    isRenewal: existing !== undefined && inTheWay.length > 0,
    authorityCert: authority.cert,
    cert: client.cert,
    written: [...authorityFiles, ...sentFiles].map((file) => file.path),
  }
}

/** For a Service or a URL. Kubernetes lets a star stand for the first labels. */
function checkWebhook(webhook: string): void {
  const form = /^(?:(?:\*\.)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/i
  const [, port = '443'] = form.exec(webhook) ?? [undefined, '0']
  if (Number(port) >= 1 && Number(port) <= 65_535) return
  throw new BadApiServerOption(
    `${webhook} (--webhook) is not the address of a webhook: give <service>.<namespace>.svc, with :<port> if that is not 443, or the host and port of its URL`,
  )
}

/**
 * The API server looks for a user by the host of the webhook (kubernetes.md, Connections). The file serves no
 * other webhook: it has no user `*`, and no current context. It names the certificate as a file, since the
 * API server reads that again when it changes. Relative paths begin at this file.
 */
function kubeconfigFor(webhooks: readonly string[]): string {
  const users = webhooks.map(
    (webhook) => `  - name: ${JSON.stringify(webhook)}
    user:
      client-certificate: ${apiServerNames.cert}
      client-key: ${apiServerNames.key}
`,
  )
  return `apiVersion: v1
kind: Config
# One for each webhook that the certificate is shown to, by the host and, if it is not 443, the port.
users:
${users.join('')}`
}

/** It does not name other plugins, so they keep their defaults. */
function admissionConfiguration(installedIn: string): string {
  return `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: ValidatingAdmissionWebhook
    configuration:
      apiVersion: apiserver.config.k8s.io/v1
      kind: WebhookAdmissionConfiguration
      kubeConfigFile: ${JSON.stringify(join(installedIn, apiServerNames.kubeconfig))}
`
}
