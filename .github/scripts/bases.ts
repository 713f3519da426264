import { createHash } from 'node:crypto'

/** What the image is built on: an argument of the Dockerfile that its `FROM` lines name. */
export interface Base {
  /** The name of the argument. */
  readonly name: string
  /** Registry, repository and tag, such as `docker.io/library/node:24`. */
  readonly tag: string
  /** `sha256:…`, if it is pinned. */
  readonly digest: string | undefined
}

/** Finds the digest of a tag. */
type DigestOf = (tag: string) => Promise<string>

/** Calls a registry, as `fetch` does. */
export type Fetch = (url: string, init: { readonly headers: Record<string, string> }) => Promise<Response>

/** The platforms that every base must have. */
export const platforms = ['linux/amd64', 'linux/arm64']

const argument = /^ARG ([A-Z]+)=([^\s@]+\/[^\s@]+:[^\s@]+)(?:@(sha256:[0-9a-f]{64}))?$/gm

/**
 * The bases that a Dockerfile names.
 *
 * @throws Error if a `FROM` names anything but such an argument or an earlier stage
 */
export function basesOf(dockerfile: string): Base[] {
  const bases = [...dockerfile.matchAll(argument)].map(([, name = '', tag = '', digest]) => ({
    name,
    tag,
    digest,
  }))
  for (const [line, from = ''] of dockerfile.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)) {
    if (!bases.some(({ name }) => from === `\${${name}}`))
      throw new Error(`Dockerfile: ${line} names no argument with a registry, a repository and a tag`)
  }
  return bases
}

/** The Dockerfile with the digests of the moment. */
export async function renewed(dockerfile: string, digestOf: DigestOf): Promise<string> {
  let text = dockerfile
  for (const { name, tag } of basesOf(dockerfile)) {
    const digest = await digestOf(tag)
    text = text.replace(new RegExp(`^ARG ${name}=.*$`, 'm'), `ARG ${name}=${tag}@${digest}`)
  }
  return text
}

/**
 * Asks the registry of a tag for its digest, by the HTTP API of the OCI distribution specification and without an account.
 *
 * @returns the digest of what was read, counted here
 * @throws Error if the registry does not have the tag for all platforms
 */
export async function digestInRegistry(tag: string, fetch: Fetch): Promise<string> {
  const [, host = '', repository = '', name = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(tag) ?? []
  // Its API has another name than its references.
  const api = host === 'docker.io' ? 'registry-1.docker.io' : host
  const url = `https://${api}/v2/${repository}/manifests/${name}`
  const headers = {
    accept:
      'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json',
  }
  let answer = await fetch(url, { headers }).catch((cause: unknown) => {
    throw new Error(`${tag}: the registry ${api} does not answer`, { cause })
  })
  if (answer.status === 401) {
    const token = await pullToken(answer.headers.get('www-authenticate') ?? '', fetch)
    answer = await fetch(url, { headers: { ...headers, authorization: `Bearer ${token}` } })
  }
  if (!answer.ok) throw new Error(`${tag}: ${url} answers ${answer.status}`)
  const body = Buffer.from(await answer.arrayBuffer())
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
  const said = answer.headers.get('docker-content-digest') ?? digest
  if (said !== digest) throw new Error(`${tag}: the registry names ${said}, and what it sent has ${digest}`)
  const missing = platforms.filter((platform) => !platformsIn(body).includes(platform))
  if (missing.length > 0) throw new Error(`${tag} does not have ${missing.join(' and ')}`)
  return digest
}

/** https://distribution.github.io/distribution/spec/auth/token/: the registry names the server of tokens. */
async function pullToken(challenge: string, fetch: Fetch): Promise<string> {
  const fields = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  )
  const realm = fields.get('realm')
  if (!/^Bearer /i.test(challenge) || realm === undefined)
    throw new Error(`The registry asks for what is no token: ${challenge}`)
  const url = new URL(realm)
  for (const name of ['service', 'scope']) url.searchParams.set(name, fields.get(name) ?? '')
  const answer = await fetch(url.href, { headers: {} })
  if (!answer.ok) throw new Error(`${url.href} answers ${answer.status}`)
  const { token, access_token: other } = (await answer.json()) as { token?: string; access_token?: string }
  return token ?? other ?? ''
}

function platformsIn(body: Buffer): string[] {
  const { manifests = [] } = JSON.parse(body.toString()) as {
    manifests?: readonly { platform?: { os: string; architecture: string } }[]
  }
  return manifests.map(({ platform }) => `${platform?.os ?? ''}/${platform?.architecture ?? ''}`)
}
