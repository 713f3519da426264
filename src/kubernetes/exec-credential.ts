import { Fields } from './fields.ts'
import { PluginProblem } from './plugin-problem.ts'
import type { ExecConfig } from './exec-plugin.ts'

/** What an exec plugin gave: a token, a client certificate, or both. */
export interface ExecCredential {
  readonly token: string | undefined
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined
  /** Milliseconds since the epoch; undefined if they are good until they are refused. */
  readonly expiresAt: number | undefined
}

/**
 * Reads what a plugin printed.
 *
 * @throws PluginProblem that quotes nothing of it
 */
export function readCredential(
  printed: string,
  { command, apiVersion }: Pick<ExecConfig, 'command' | 'apiVersion'>,
): ExecCredential {
  const hidden = 'What it printed may be secret and is not shown; run it to see'
  let json: unknown
  try {
    json = JSON.parse(printed)
  } catch {
    // Its error quotes what it is about.
    throw new PluginProblem(`the exec plugin ${command} gave no ExecCredential in JSON. ${hidden}`)
  }
  const none = (why: string): PluginProblem =>
    new PluginProblem(`the exec plugin ${command} gave no usable ExecCredential: ${why}. ${hidden}`)
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
  if (Number.isNaN(expiresAt)) throw new Error('its expirationTimestamp is no time')
  return {
    token,
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
    expiresAt,
  }
}
