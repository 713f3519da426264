import { Type } from 'typebox'
import { optionalMap, parser } from '../json/schema.ts'
import type { CertificateStore } from '../tls/self-managed.ts'
import type { Kept, PemPair } from '../tls/stored.ts'
import type { Connection } from './client/connection.ts'
import { ApiFailure } from './client/failures.ts'
import { jsonRequest, MalformedAnswer } from './client/json-request.ts'

/** Where the Secret is. It must exist, even if empty, so that the guard needs no right to create Secrets. */
interface CertificateSecretOptions {
  readonly connection: Connection
  readonly namespace: string
  readonly name: string
}

const parseSecret = parser(
  Type.Object({
    metadata: Type.Object({ resourceVersion: Type.String({ minLength: 1 }) }),
    data: optionalMap(Type.String()),
  }),
  (raw) => raw,
)

/**
 * Keeps certificates in a Secret. `tls.crt` and `tls.key` are the serving certificate, `ca.crt` and `ca.key`
 * the authority; `next-ca.crt`, `next-ca.key` and `previous-ca.crt` exist while the authority changes.
 */
export class CertificateSecret implements CertificateStore {
  readonly #options: CertificateSecretOptions
  readonly #path: string

  constructor(options: CertificateSecretOptions) {
    this.#options = options
    const { namespace, name } = options
    this.#path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`
  }

  async read(signal: AbortSignal): Promise<{ readonly kept: Kept; readonly version: string }> {
    const secret = parseSecret(await this.#get(signal))
    if (!secret.ok)
      throw new MalformedAnswer(`Secret ${this.#options.name} cannot be read: ${secret.problem}.`)
    const { metadata, data } = secret.value
    const text = (key: string): string | undefined => {
      const value = data?.[key]
      return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : undefined
    }
    const authority = text('ca.crt')
    const kept = {
      authority: authority === undefined ? undefined : { cert: authority, key: text('ca.key') },
      next: pair(text('next-ca.crt'), text('next-ca.key')),
      previous: text('previous-ca.crt'),
      serving: pair(text('tls.crt'), text('tls.key')),
    }
    return { kept, version: metadata.resourceVersion }
  }

  async write(kept: Kept, version: string, signal: AbortSignal): Promise<boolean> {
    const texts = {
      'ca.crt': kept.authority?.cert,
      'ca.key': kept.authority?.key,
      'next-ca.crt': kept.next?.cert,
      'next-ca.key': kept.next?.key,
      'previous-ca.crt': kept.previous,
      'tls.crt': kept.serving?.cert,
      'tls.key': kept.serving?.key,
    }
    const data = Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [
        key,
        text === undefined ? null : Buffer.from(text).toString('base64'),
      ]),
    )
    try {
      await jsonRequest(this.#options.connection, {
        method: 'PATCH',
        path: this.#path,
        headers: { 'content-type': 'application/merge-patch+json' },
        // The API server compares a version in a patch with the stored one.
        json: { metadata: { resourceVersion: version }, data },
        signal,
      })
      return true
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 409) return false
      throw error
    }
  }

  async #get(signal: AbortSignal): Promise<unknown> {
    const { connection, namespace, name } = this.#options
    try {
      return await jsonRequest(connection, { method: 'GET', path: this.#path, signal })
    } catch (cause) {
      if (!(cause instanceof ApiFailure) || cause.code !== 404) throw cause
      throw new Error(
        `There is no Secret ${name} in namespace ${namespace} to keep the guard's certificate in. Make it, empty: kubectl create secret generic ${name} --namespace ${namespace}`,
        { cause },
      )
    }
  }
}

function pair(cert: string | undefined, key: string | undefined): PemPair | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key }
}
