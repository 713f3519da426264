import t from 'tap'
import { idle, sandboxed } from './sandboxed.ts'

const names = [
  'system:serviceaccount:kube-system:generic-garbage-collector',
  ' system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:longhorn-system:longhorn-service-account',
]

t.test('no caller becomes a component of the cluster by a header', async (t) => {
  const of = { api: 'longhorn', userHeader: 'X-Forwarded-User' } as const
  const { url, decided } = await sandboxed(t, of, { longhorn: idle })
  for (const name of names) {
    const headers = { 'x-forwarded-user': name }
    const answer = await fetch(`${url}/v1/nodes/node-1`, { method: 'DELETE', headers })
    t.equal(answer.status, 500)
    t.match(await answer.json(), { message: /disk-removal-with-copies/ })
    t.match(decided.at(-1), { change: { request: { actor: { username: `header:${name.trim()}` } } } })
  }
})
