import t from 'tap'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { commandIn } from '../commands/guarded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { served } from './served.ts'

const names = { dns: ['localhost'], ips: [] }
const day = 86_400_000

t.test('a guard that is started again publishes its authority', async (t) => {
  const { write, point, find, isWell, guard } = await served(t)
  await write('holdfast-tls', {})
  const { end } = await guard()
  await isWell('trust')
  await end()
  await point(({ url }) => ({ url }))
  t.match(await find('trust'), {
    level: 'error',
    remedy: /publishes its authority within ten seconds of its start: kubectl -n holdfast rollout restart/,
  })
  await guard()
  await isWell('trust')
  await isWell('certificate')
})

t.test('a certificate that expired is taken out, and the guard makes another', { skip }, async (t) => {
  const { write, follow, find, isWell, guard } = await served(t)
  await write('holdfast-tls', {})
  await (await guard()).end()
  const past = { now: () => Date.now() - 400 * day }
  const authority = await makeAuthority(past)
  const { cert, key } = await issueServing(authority, names, past)
  await write('holdfast-tls', { 'tls.crt': cert, 'tls.key': key })
  const found = await find('certificate')
  t.match(found, { level: 'error', what: /expired on/, remedy: /^To see why it is not renewed/ })
  const patch = commandIn(found?.remedy ?? '', /kubectl -n holdfast patch secret holdfast-tls .*$/)
  t.match(await follow(patch), { code: 0 })
  await guard()
  await isWell('certificate')
  await isWell('trust')
})

t.test('a certificate of another issuer is named, and replaced by that issuer', { skip }, async (t) => {
  const { write, point, follow, find, isWell } = await served(t)
  const late = { now: () => Date.now() - 364.5 * day }
  const authority = await makeAuthority(late)
  const old = await issueServing(authority, names, late)
  await write('theirs', { 'tls.crt': old.cert, 'tls.key': old.key })
  const caBundle = Buffer.from(authority.cert).toString('base64')
  await point((clientConfig) => ({ ...clientConfig, caBundle }))

  const unnamed = await find('certificate')
  t.match(unnamed?.remedy, /^Name the Secret: holdfast doctor --certificate-secret <name>$/)
  const named = ['--certificate-secret', 'theirs']
  const found = await find('certificate', ...named)
  t.match(found, { level: 'warn', remedy: /Put the new one into tls\.crt and tls\.key there/ })
  const see = commandIn(
    found?.remedy ?? '',
    /kubectl -n holdfast get secret theirs --show-managed-fields -o yaml/,
  )
  t.match(await follow(see), { code: 0, stdout: /tls\.crt/ })
  const fresh = await issueServing(authority, names, { now: Date.now })
  await write('theirs', { 'tls.crt': fresh.cert, 'tls.key': fresh.key })
  await isWell('certificate', ...named)
})
