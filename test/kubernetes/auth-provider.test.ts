import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { providerHeaders } from '../../src/kubernetes/client/auth-provider.ts'
import { credentialsProblem } from '../../src/kubernetes/client/authorization.ts'
import { PluginProblem } from '../../src/kubernetes/client/exec-plugin.ts'

/** A token that is valid until then, in seconds since 1970. */
function token(exp: number): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ exp })}.signature`
}

const farAway = 4_102_444_800

/** A user of `oidc`, as in a kubeconfig. */
function user(config: Readonly<Record<string, string>>) {
  return { name: 'ann', authProvider: { name: 'oidc', config } }
}

t.test('the token of oidc goes with each request as long as it is valid', async (t) => {
  const idToken = token(farAway)
  const headers = providerHeaders(user({ 'id-token': idToken }))
  for (const time of ['first', 'second'])
    t.strictSame(await headers(), { Authorization: `Bearer ${idToken}` }, time)
})

t.test('requests carry the token of the older providers too', async (t) => {
  for (const provider of ['azure', 'gcp']) {
    const config = { 'access-token': 'old', expiry: '2100-01-01T00:00:00Z' }
    const headers = providerHeaders({ name: 'ann', authProvider: { name: provider, config } })
    t.strictSame(await headers(), { Authorization: 'Bearer old' }, provider)
  }
})

t.test('a provider that nobody knows is an error, so no request goes out as nobody', async (t) => {
  const headers = providerHeaders({ name: 'ann', authProvider: { name: 'other', config: {} } })
  await t.rejects(headers(), new PluginProblem('no auth-provider has the name that the kubeconfig gives'))
})

t.test('requests have no authorization if the provider has no token', async (t) => {
  t.strictSame(await providerHeaders(user({}))(), {})
})

t.test(
  'a token that cannot be renewed is an error, and its provider is named without its words',
  async (t) => {
    const issuer = createServer((_, response) => response.writeHead(500).end('secret words')).listen(
      0,
      '127.0.0.1',
    )
    await once(issuer, 'listening')
    t.teardown(() => issuer.close())
    const address = issuer.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const asked = user({
      'id-token': token(1),
      'refresh-token': 'secret-refresh',
      'client-id': 'kubectl',
      'idp-issuer-url': `http://127.0.0.1:${port}`,
    })
    const error: unknown = await providerHeaders(asked)().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.ok(error instanceof Error)
    const problem = credentialsProblem(asked, new Error('the answer to secret-refresh was odd'))
    t.equal(problem, 'the provider oidc failed. Its message may be secret and is not shown')
  },
)

t.test('messages of Node and a plugin about credentials are shown', (t) => {
  const absent = Object.assign(new Error("ENOENT: no such file or directory, open 'token'"), {
    code: 'ENOENT',
    path: 'token',
  })
  t.match(credentialsProblem(user({}), absent), /^token: it does not exist \(ENOENT\)$/)
  t.match(credentialsProblem(user({}), new PluginProblem('my-cloud-auth is not installed')), /not installed/)
  t.match(credentialsProblem({ name: 'ann' }, new Error('the file is empty')), /the file is empty/)
  t.end()
})

t.test('a provider without a name is reported as such', (t) => {
  for (const authProvider of [{}, 'oidc', null, { name: 7 }])
    t.match(
      credentialsProblem({ name: 'ann', authProvider }, new Error('x')),
      /^the provider without a name failed/,
    )
  t.end()
})
