import t from 'tap'
import { connect } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { echoServer } from './echo-server.ts'

const { signal } = new AbortController()

t.test('a kubeconfig is YAML as kubectl reads it', async (t) => {
  const { url } = await echoServer(t)
  const text = `
clusters: [{name: x, cluster: {server: "${url}", insecure-skip-tls-verify: no}}]
users:
- name: base
  user: &base {as: grace}
- name: x
  user:
    <<: *base
contexts: [{name: x, context: {cluster: x, user: x}}]
current-context: other
current-context: x
---
`
  const connection = await connect({ kubeconfig: `${t.testdir({ config: text })}/config`, environment: {} })
  t.teardown(() => connection.close())
  const echo = await jsonRequest(connection, { method: 'GET', path: '/hello', signal })
  t.match(echo, { headers: { 'impersonate-user': 'grace' } })
})
