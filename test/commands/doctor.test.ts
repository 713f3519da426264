import t from 'tap'
import { parse } from 'yaml'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { object } from '../../src/sandbox/json.ts'
import { cluster, install, webhooks, well } from './examined-cluster.ts'
import { run } from './holdfast.ts'
import { forbidden } from './in-front.ts'

t.test('doctor finds no problem in a healthy cluster, and exits 0', async (t) => {
  const world = await cluster(t, { answers: well })
  await install(world)
  const { code, stdout, stderr } = await world.doctor()
  t.equal(code, 0, stdout)
  t.equal(stderr, '')
  t.match(stdout, /\n0 error, 0 warn, 0 unknown, 15 ok\n$/)
  const worse = await world.doctor('--target', 'v1.8.1')
  t.equal(worse.code, 1)
  t.match(worse.stdout, 'Move to v1.8.2 instead')
})

t.test('a forbidden check is unknown, with the reason, and exits 2', async (t) => {
  const world = await cluster(t, {
    answers: (method, path, body) =>
      /secrets|subjectaccessreviews|customresourcedefinitions/.test(path)
        ? forbidden(path)
        : well(method, path, body),
  })
  await install(world)
  const { code, stdout } = await world.doctor('-o', 'json')
  t.equal(code, 2)
  const document = JSON.parse(stdout) as { findings: { check: string; level: string; why: string }[] }
  t.match(document, { kind: 'Diagnosis', summary: { ok: 12, warn: 0, error: 0, unknown: 3 } })
  const unknown = document.findings.filter(({ level }) => level === 'unknown')
  t.strictSame(
    unknown.map(({ check }) => check),
    ['crds', 'certificate', 'rights'],
  )
  for (const { check, why } of unknown) t.match(why, 'User "ann" cannot do that', check)
})

t.test('an odd answer of the cluster is not taken for a good one', async (t) => {
  const world = await cluster(t, {
    answers: (method, path, body) => {
      if (path.endsWith('/customresourcedefinitions')) return undefined
      if (path === '/apis/apiextensions.k8s.io/v1')
        return [200, { resources: [{ name: 'customresourcedefinitions' }] }]
      if (path.endsWith('customresourcedefinitions/nodes.longhorn.io'))
        return [404, { kind: 'Status', code: 404, reason: 'NotFound', message: 'not found' }]
      if (path.endsWith('/pods')) return [200, { items: [{}] }]
      if (path.endsWith('/deployments')) return [200, []]
      return well(method, path, body)
    },
  })
  await install(world)
  const { code, stdout } = await world.doctor()
  t.equal(code, 1)
  t.match(stdout, 'There is no definition of nodes.longhorn.io', 'it is served, and so it is missing')
  t.match(stdout, /pods cannot be read: /)
  t.match(stdout, /deployments cannot be read: /)
})

t.test(
  'on the embedded cluster without a guard, checks that cannot run are unknown and the rest is judged',
  async (t) => {
    const { doctor } = await cluster(t, { release: 'v1.8.0' })
    const { code, stdout } = await doctor('--target', 'v1.8.2', '-o', 'yaml')
    t.equal(code, 1)
    const { summary, findings } = parse(stdout) as {
      summary: object
      findings: { check: string; level: string }[]
    }
    t.strictSame(summary, { ok: 6, warn: 2, error: 3, unknown: 4 })
    const level = (name: string) => findings.find(({ check }) => check === name)?.level
    t.equal(level('release'), 'warn')
    t.equal(level('registration'), 'error')
    t.equal(level('dry-run'), 'error')
    t.equal(level('replicas'), 'error')
    for (const check of ['trust', 'certificate', 'rules']) t.equal(level(check), 'unknown', check)
    for (const check of ['crds', 'rights', 'reservations', 'clock', 'upgrade'])
      t.equal(level(check), 'ok', check)
  },
)

t.test('an unreadable Longhorn is reported; no cluster at all exits 2', async (t) => {
  const { doctor, sandbox } = await cluster(t, {
    answers: (method, path, body) =>
      path.includes('/longhorn.io/') ? forbidden(path) : well(method, path, body),
  })
  const blind = await doctor()
  t.equal(blind.code, 1, 'nothing is registered')
  t.match(blind.stdout, /unknown {2}release +The Longhorn release could not be read\.\n +why: .*forbidden/)
  t.match(blind.stdout, /unknown {2}upgrade /)
  await sandbox.stop()
  const gone = await doctor()
  t.equal(gone.code, 2)
  t.match(gone.stderr, 'Cannot reach the API server')
  t.equal(gone.stdout, '')
})

t.test('a narrowed registration is reported, and so is a guard that only warns', async (t) => {
  const off = { ...defaultPolicy.modes, 'last-usable-copy': 'off' as const }
  const world = await cluster(t, {
    modes: off,
    answers: (method, path, body) => {
      if (method === 'PATCH' && path.includes('/backingimages/')) return undefined
      return well(method, path, body)
    },
  })
  await install(world)
  const stored = await world.sandbox.client.get(webhooks, '', 'holdfast')
  if (!stored) throw new Error('there is no registration')
  const narrowed = [stored.webhooks].flat().map((webhook) => ({
    ...object(webhook),
    objectSelector: { matchLabels: { guarded: 'yes' } },
  }))
  await world.sandbox.client.update(webhooks, { ...stored, webhooks: narrowed })
  const { code, stdout } = await world.doctor()
  t.equal(code, 1)
  t.match(stdout, /error +registration +Webhook guard\.holdfast\.dev .* has an objectSelector \(guarded\)/)
  t.match(stdout, /error +dry-run +A dry run that removes all copies of .* is admitted/)
  t.match(stdout, /warn +rules +Replica one of the guard does not enforce last-usable-copy \(off\)/)
})

t.test('the Secret shows the issuer of a certificate, and the remedy fits it', async (t) => {
  const { sandbox, doctor } = await cluster(t)
  const none = Buffer.from('no certificate').toString('base64')
  const cases = [
    ['own', {}, { 'ca.key': none }, /"op":"remove"/],
    ['issued', { 'cert-manager.io/certificate-name': 'guard' }, {}, /cmctl renew -n holdfast guard/],
    ['theirs', {}, {}, /Its issuer has to make another/],
  ] as const
  for (const [name, annotations, data, remedy] of cases) {
    await sandbox.client.create(
      { group: '', version: 'v1', plural: 'secrets' },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'holdfast', annotations },
        data: { 'tls.crt': none, ...data },
      },
    )
    const { stdout } = await doctor('--certificate-secret', name, '--namespace', 'holdfast', '-o', 'json')
    const { findings } = JSON.parse(stdout) as { findings: { check: string; remedy: string }[] }
    t.match(findings.find(({ check }) => check === 'certificate')?.remedy, remedy, name)
  }
})

t.test('the help has options, exit codes and examples', async (t) => {
  const { code, stdout } = await run(['doctor', '--help'])
  t.equal(code, 0)
  for (const text of ['--target', '--webhook-configuration', 'Exit code', '$ holdfast doctor']) {
    t.match(stdout, text)
  }
})
