import t from 'tap'
import { cluster, deployment, install, well } from './examined-cluster.ts'
import { forbidden } from './in-front.ts'

t.test('registration, Secret and account of a guard are found, whatever they are called', async (t) => {
  const asked = new Set<string>()
  const world = await cluster(t, {
    answers: (method, path, body) => {
      if (path === '/apis/authorization.k8s.io/v1/subjectaccessreviews') {
        asked.add((JSON.parse(body) as { spec: { user: string } }).spec.user)
        return [201, { status: { allowed: true } }]
      }
      const own = {
        'holdfast.dev/registration': 'platform',
        'holdfast.dev/certificate-secret': 'platform-tls',
      }
      if (path.endsWith('/deployments')) return [200, { items: [deployment(own, 'platform')] }]
      return well(method, path, body)
    },
  })
  const { stdout } = await world.doctor()
  t.match(stdout, 'There is no ValidatingWebhookConfiguration platform.')
  t.match(stdout, 'Secret platform-tls')
  t.strictSame([...asked], ['system:serviceaccount:holdfast:platform'])
  const named = await world.doctor('--webhook-configuration', 'mine', '--service-account', 'mine')
  t.match(named.stdout, 'There is no ValidatingWebhookConfiguration mine.', 'a given name is used')
  t.ok(asked.has('system:serviceaccount:holdfast:mine'))
})

t.test('rights to make a certificate are asked for only where the guard makes its own', async (t) => {
  for (const [mode, asks] of [
    ['self', true],
    ['cert-manager', false],
    ['files', false],
    [undefined, true],
  ] as const) {
    const own = mode === undefined ? {} : { 'holdfast.dev/certificates': mode }
    const world = await cluster(t, {
      answers: (method, path, body) => {
        if (path === '/apis/authorization.k8s.io/v1/subjectaccessreviews') {
          const { spec } = JSON.parse(body) as { spec: { resourceAttributes: { resource: string } } }
          const { resource } = spec.resourceAttributes
          return [201, { status: { allowed: !/secrets|validatingwebhook/.test(resource) } }]
        }
        if (path.endsWith('/deployments')) return [200, { items: [deployment(own)] }]
        return well(method, path, body)
      },
    })
    await install(world)
    const { code, stdout } = await world.doctor()
    t.equal(code, asks ? 1 : 0, `${mode}: ${stdout}`)
    t.match(stdout, asks ? /warn +rights .*for certificates/ : /ok +rights /, String(mode))
  }
})

t.test('a Deployment that cannot be read makes nothing missing that may have another name', async (t) => {
  const world = await cluster(t, {
    answers: (method, path, body) => {
      if (path.endsWith('/deployments')) return forbidden(path)
      if (path === '/apis/authorization.k8s.io/v1/subjectaccessreviews')
        return [201, { status: { allowed: false } }]
      return well(method, path, body)
    },
  })
  const { code, stdout } = await world.doctor('-o', 'json')
  const { findings } = JSON.parse(stdout) as { findings: { check: string; level: string; why: string }[] }
  for (const check of ['registration', 'trust', 'certificate', 'rights', 'replicas']) {
    const found = findings.filter((each) => each.check === check)
    t.strictSame(
      found.map(({ level }) => level),
      ['unknown'],
      check,
    )
    t.match(found[0]?.why, 'User "ann" cannot do that', check)
  }
  t.equal(code, 1, 'no guard has named its namespace')
  const named = await world.doctor('--webhook-configuration', 'mine', '--service-account', 'mine')
  t.match(
    named.stdout,
    'There is no ValidatingWebhookConfiguration mine.',
    'a name that is given is no guess',
  )
  t.match(named.stdout, /error +rights +system:serviceaccount:holdfast:mine is not allowed/)
})
