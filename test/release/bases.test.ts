import { createHash } from 'node:crypto'
import t from 'tap'
import { basesOf, digestInRegistry, type Fetch, renewed } from '../../.github/scripts/bases.ts'
import { read } from '../docs/pages.ts'

const dockerfile = `ARG NODE=docker.io/library/node:24.1.0-slim
ARG BASE=gcr.io/small/cc:nonroot@sha256:${'0'.repeat(64)}
FROM --platform=$BUILDPLATFORM \${NODE} AS build
FROM \${BASE}
COPY --from=build /a /b
`
const index = JSON.stringify({
  manifests: ['amd64', 'arm64', 's390x'].map((architecture) => ({ platform: { os: 'linux', architecture } })),
})
const digest = `sha256:${createHash('sha256').update(index).digest('hex')}`

/** A registry that gives `index` to whoever has its token, as Docker Hub does. @returns it and what was asked */
function registry(body = index, said?: string): { fetch: Fetch; asked: string[] } {
  const asked: string[] = []
  const fetch: Fetch = (url, { headers }) => {
    asked.push(url)
    if (url.startsWith('https://auth.example/')) return Promise.resolve(Response.json({ token: 'ticket' }))
    if (headers.authorization !== 'Bearer ticket') {
      const challenge = 'Bearer realm="https://auth.example/token",service="hub",scope="repository:a/b:pull"'
      return Promise.resolve(new Response('', { status: 401, headers: { 'www-authenticate': challenge } }))
    }
    const answered = said === undefined ? {} : { 'docker-content-digest': said }
    return Promise.resolve(new Response(body, { headers: answered }))
  }
  return { fetch, asked }
}

t.test('the bases are the arguments that FROM names, with or without a digest', (t) => {
  t.strictSame(basesOf(dockerfile), [
    { name: 'NODE', tag: 'docker.io/library/node:24.1.0-slim', digest: undefined },
    { name: 'BASE', tag: 'gcr.io/small/cc:nonroot', digest: `sha256:${'0'.repeat(64)}` },
  ])
  t.throws(() => basesOf(`${dockerfile}FROM debian:13\n`), /FROM debian:13 names no argument/)
  t.end()
})

t.test('our Dockerfile has two bases, each with a registry, a tag and a digest', (t) => {
  const bases = basesOf(read('Dockerfile'))
  t.strictSame(
    bases.map(({ name }) => name),
    ['NODE', 'RUNTIME'],
  )
  for (const { digest } of bases) t.match(digest, /^sha256:[0-9a-f]{64}$/)
  t.end()
})

t.test('renewing writes the digest of each tag and changes nothing else', async (t) => {
  const asked: string[] = []
  const digestOf = (tag: string) => {
    asked.push(tag)
    return Promise.resolve(`sha256:${String(asked.length).repeat(64)}`)
  }
  const once = await renewed(dockerfile, digestOf)
  t.strictSame(asked, ['docker.io/library/node:24.1.0-slim', 'gcr.io/small/cc:nonroot'])
  const [node, base, ...rest] = once.split('\n')
  t.equal(node, `ARG NODE=docker.io/library/node:24.1.0-slim@sha256:${'1'.repeat(64)}`)
  t.equal(base, `ARG BASE=gcr.io/small/cc:nonroot@sha256:${'2'.repeat(64)}`)
  t.strictSame(rest, dockerfile.split('\n').slice(2))
})

t.test('the digest of a tag is that of what the registry sends, which may want a token', async (t) => {
  const { fetch, asked } = registry(index, digest)
  t.equal(await digestInRegistry('docker.io/library/node:24.1.0-slim', fetch), digest)
  const manifest = 'https://registry-1.docker.io/v2/library/node/manifests/24.1.0-slim'
  const token = 'https://auth.example/token?service=hub&scope=repository%3Aa%2Fb%3Apull'
  t.strictSame(asked, [manifest, token, manifest])
  const other = registry()
  t.equal(await digestInRegistry('gcr.io/small/cc:nonroot', other.fetch), digest)
  t.equal(other.asked[0], 'https://gcr.io/v2/small/cc/manifests/nonroot')
})

t.test(
  'a registry that does not answer, or answers without the tag, without a platform or with another digest is an error',
  async (t) => {
    const tag = 'gcr.io/small/cc:nonroot'
    const away: Fetch = () => Promise.reject(new TypeError('fetch failed'))
    await t.rejects(
      digestInRegistry(tag, away),
      /gcr\.io\/small\/cc:nonroot: the registry gcr\.io does not answer/,
    )
    const missing: Fetch = () => Promise.resolve(new Response('', { status: 404 }))
    await t.rejects(digestInRegistry(tag, missing), /gcr\.io\/small\/cc:nonroot: .* answers 404/)
    const { fetch: one } = registry(JSON.stringify({ manifests: [] }))
    await t.rejects(digestInRegistry(tag, one), /does not have linux\/amd64 and linux\/arm64/)
    const { fetch: other } = registry(index, `sha256:${'0'.repeat(64)}`)
    await t.rejects(digestInRegistry(tag, other), /the registry names sha256:0+, and what it sent has/)
  },
)

t.test('a registry that wants a password is an error', async (t) => {
  const headers = { 'www-authenticate': 'Basic realm="private"' }
  const fetch: Fetch = () => Promise.resolve(new Response('', { status: 401, headers }))
  await t.rejects(digestInRegistry('gcr.io/small/cc:nonroot', fetch), /asks for what is no token: Basic/)
})
