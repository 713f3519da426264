import { randomUUID } from 'node:crypto'
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mostBytes, readBounded } from '../text/bounded-file.ts'
import type { TimeOfDay } from '../time/clock.ts'
import { makeAuthority } from './authority.ts'
import { issueServing, type ServerNames, UnusableAuthority } from './issue.ts'
import type { PemPair } from './stored.ts'

/** The files in a folder of certificates. */
const fileNames = { caCert: 'ca.crt', caKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' } as const

/** Options for filling a folder. */
interface FolderOptions {
  /** Replaces `tls.crt` and `tls.key` if they are there. */
  readonly overwrite: boolean
  readonly authorityLifetimeMs?: number
  readonly lifetimeMs?: number
}

/** The result. */
interface FolderFilled {
  /** `reused`: `ca.crt` existed and stays, so every caBundle still fits. */
  readonly authority: 'made' | 'reused'
  readonly authorityCert: string
  readonly cert: string
  /** The files written, as paths. */
  readonly written: readonly string[]
}

/**
 * Puts a serving certificate into a folder, signed by the authority there. If the folder has no authority, it
 * makes one. It never replaces an authority: that would silently break every caBundle made from it.
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

/** A text file to write. */
interface FileToWrite {
  readonly path: string
  readonly text: string
  /** True for mode 0600, readable by the owner only; else 0644. */
  readonly secret: boolean
  /** If false, an existing file is an error. */
  readonly overwrite: boolean
}

/** Thrown instead of replacing files that may still be needed. */
export class FilesInTheWay extends Error {
  readonly paths: readonly string[]

  constructor(paths: readonly string[], cause?: unknown) {
    super(
      `${paths.join(' and ')} ${paths.length === 1 ? 'exists' : 'exist'} already and may be in use. To replace existing files, add --overwrite. Or choose another folder: --dir <folder>`,
      { cause },
    )
    this.name = 'FilesInTheWay'
    this.paths = paths
  }
}

/**
 * Writes files into a folder. It creates a missing folder for its owner alone. It replaces a file atomically,
 * since a server may be reading it.
 *
 * @throws {@link FilesInTheWay}
 */
export async function writeAll(folder: string, files: readonly FileToWrite[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const file of files) await write(file)
}

async function write({ path, text, secret, overwrite }: FileToWrite): Promise<void> {
  const mode = secret ? 0o600 : 0o644
  if (!overwrite) {
    try {
      await writeFile(path, text, { mode, flag: 'wx' })
    } catch (error) {
      throw hasCode(error, 'EEXIST') ? new FilesInTheWay([path], error) : error
    }
    return
  }
  const fresh = `${path}.${randomUUID()}`
  try {
    await writeFile(fresh, text, { mode, flag: 'wx' })
    await rename(fresh, path)
  } finally {
    await rm(fresh, { force: true })
  }
}

/** The files of the list that exist. */
export async function present(paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    try {
      await access(path)
      found.push(path)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }
  return found
}

/** The text of a file; undefined if there is none. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await textIn(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function textIn(path: string, signal?: AbortSignal): Promise<string> {
  return (await readBounded(path, mostBytes.credential, signal && { signal })).toString('utf8')
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** A serving certificate in files: from `holdfast certs`, cert-manager, or the administrator. */
export class CertificateFiles implements CertificateSource {
  readonly #cert: string
  readonly #key: string

  /** @param cert path of a PEM file, as is `key` */
  constructor(cert: string, key: string) {
    this.#cert = cert
    this.#key = key
  }

  first(signal: AbortSignal): Promise<PemPair> {
    return this.read(signal)
  }

  /** @throws an Error of Node for a file that cannot be read */
  async read(signal: AbortSignal): Promise<PemPair> {
    const [cert, key] = await Promise.all([textIn(this.#cert, signal), textIn(this.#key, signal)])
    return { cert, key }
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}

/** The source of the serving certificate. */
export interface CertificateSource {
  /** The first certificate. @throws if there is none and none will come, or the signal's reason */
  first(signal: AbortSignal): Promise<PemPair>
  /** The certificate to serve now. @throws if there is none now, or the signal's reason */
  read(signal: AbortSignal): Promise<PemPair>
  /** Releases its resources; reading stops. */
  stop(): Promise<void>
}

/**
 * Reads an authority from its two files.
 *
 * @returns undefined if there is neither
 * @throws UnusableAuthority if one is missing
 */
export async function readAuthority(certPath: string, keyPath: string): Promise<PemPair | undefined> {
  const [cert, key] = [await readText(certPath), await readText(keyPath)]
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? [keyPath, certPath] : [certPath, keyPath]
    throw new UnusableAuthority(`${there} exists, but ${missing} does not`)
  }
  return { cert, key }
}
