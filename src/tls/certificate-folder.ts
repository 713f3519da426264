import { join } from 'node:path'
import { makeAuthority } from './authority.ts'
import { issueServing } from './issue.ts'
import type { ServerNames } from './server-names.ts'
import type { TimeOfDay } from '../time/clock.ts'
import { readAuthority } from './read-authority.ts'
import { FilesInTheWay, present, writeAll } from './write.ts'

/** The files of a folder of certificates. */
export const fileNames = { caCert: 'ca.crt', caKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' } as const

/** What can be chosen about filling a folder. */
export interface FolderOptions {
  /** Replaces `tls.crt` and `tls.key` if they are there. */
  readonly overwrite: boolean
  readonly authorityLifetimeMs?: number
  readonly lifetimeMs?: number
}

/** What was done. */
export interface FolderFilled {
  /** `reused`: `ca.crt` was there and stays, so every caBundle still fits. */
  readonly authority: 'made' | 'reused'
  readonly authorityCert: string
  readonly cert: string
  /** The files written, as paths. */
  readonly written: readonly string[]
}

/**
 * Puts a serving certificate into a folder, signed by the authority that lies there; without one, one is made. The
 * authority is never replaced: that would silently break every caBundle made from it.
 *
 * @throws {@link FilesInTheWay}, UnusableAuthority, BadServerName; then nothing was written
 */
export async function fillCertificateFolder(
  folder: string,
  names: ServerNames,
  clock: TimeOfDay,
  options: FolderOptions,
): Promise<FolderFilled> {
  const { overwrite, authorityLifetimeMs, lifetimeMs } = options
  const path = (name: string) => join(folder, name)
  const inTheWay = await present([path(fileNames.cert), path(fileNames.key)])
  if (inTheWay.length > 0 && !overwrite) throw new FilesInTheWay(inTheWay)

  const existing = await readAuthority(path(fileNames.caCert), path(fileNames.caKey))
  const authority =
    existing ??
    (await makeAuthority(clock, authorityLifetimeMs === undefined ? {} : { lifetimeMs: authorityLifetimeMs }))
  const serving = await issueServing(authority, names, clock, lifetimeMs === undefined ? {} : { lifetimeMs })

  const authorityFiles = existing
    ? []
    : [
        { path: path(fileNames.caKey), text: authority.key, secret: true, overwrite: false },
        { path: path(fileNames.caCert), text: authority.cert, secret: false, overwrite: false },
      ]
  const files = [
    ...authorityFiles,
    { path: path(fileNames.key), text: serving.key, secret: true, overwrite },
    { path: path(fileNames.cert), text: serving.cert, secret: false, overwrite },
  ]
  await writeAll(folder, files)
  return {
    authority: existing ? 'reused' : 'made',
    authorityCert: authority.cert,
    cert: serving.cert,
    written: files.map((file) => file.path),
  }
}
