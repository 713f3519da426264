import t from 'tap'
import { Type } from 'typebox'
import { parser } from '../../src/json/schema.ts'
import { skip } from './helm.ts'
import { type Manifest, render, set } from './rendered.ts'

const parseDeployment = parser(
  Type.Object({
    kind: Type.Literal('Deployment'),
    metadata: Type.Object({ name: Type.String() }),
    spec: Type.Object({
      strategy: Type.Object({
        rollingUpdate: Type.Object({ maxSurge: Type.Integer(), maxUnavailable: Type.Integer() }),
      }),
      template: Type.Object({
        spec: Type.Object({
          hostNetwork: Type.Optional(Type.Boolean()),
          dnsPolicy: Type.Optional(Type.String()),
          containers: Type.Array(
            Type.Object({
              args: Type.Array(Type.String()),
              ports: Type.Array(Type.Object({ name: Type.String(), containerPort: Type.Integer() })),
            }),
          ),
        }),
      }),
    }),
  }),
  ({ metadata, spec }) => ({ name: metadata.name, ...spec }),
)

const parseService = parser(
  Type.Object({
    kind: Type.Literal('Service'),
    spec: Type.Object({
      ipFamilyPolicy: Type.Optional(Type.String()),
      ipFamilies: Type.Optional(Type.Array(Type.String())),
    }),
  }),
  ({ spec: { ipFamilyPolicy, ipFamilies } }) => ({ ipFamilyPolicy, ipFamilies }),
)

function deploymentsIn(manifests: readonly Manifest[]) {
  return manifests.map(parseDeployment).flatMap((each) => (each.ok ? [each.value] : []))
}

function servicesIn(manifests: readonly Manifest[]) {
  return manifests.map(parseService).flatMap((each) => (each.ok ? [each.value] : []))
}

t.test('hostNetwork puts the guard on the network of its node, and finds Services there', { skip }, (t) => {
  const ports = set('config.port=15250', 'config.healthPort=18080', 'config.operatorPort=18081')
  const [guard] = deploymentsIn(render(...set('hostNetwork=true'), ...ports))
  t.match(guard?.template.spec, { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })
  t.strictSame(guard?.template.spec.containers[0]?.ports, [
    { name: 'webhook', containerPort: 15250 },
    { name: 'health', containerPort: 18080 },
  ])
  t.strictSame(
    guard?.strategy.rollingUpdate,
    { maxUnavailable: 1, maxSurge: 0 },
    'an old replica stops first, since a new one may need its ports',
  )
  const [usual] = deploymentsIn(render())
  t.notOk(usual?.template.spec.hostNetwork)
  t.strictSame(usual?.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 })
  t.end()
})

const proxies = set(
  'proxy.longhorn.enabled=true',
  'proxy.kubernetes.enabled=true',
  'certificates.mode=cert-manager',
)

t.test('guard and proxies listen on both address families, or on the configured address', { skip }, (t) => {
  const listens = (...flags: string[]) =>
    deploymentsIn(render(...proxies, ...flags)).flatMap(({ template }) =>
      (template.spec.containers[0]?.args ?? []).filter((arg) => arg.startsWith('--listen')),
    )
  t.strictSame(listens(), ['--listen=[::]:9500', '--listen=[::]:8443'])
  t.strictSame(listens(...set('config.host=[::1]')), ['--listen=[::1]:9500', '--listen=[::1]:8443'])
  t.strictSame(listens(...set('config.host=10.0.0.1')), [
    '--listen=[10.0.0.1]:9500',
    '--listen=[10.0.0.1]:8443',
  ])
  t.end()
})

t.test(
  'Services have the families that are asked for, and by default those of the cluster',
  { skip },
  (t) => {
    const asked = set('service.ipFamilyPolicy=PreferDualStack', 'service.ipFamilies={IPv6,IPv4}')
    const services = servicesIn(render(...proxies, ...asked))
    t.equal(services.length, 3)
    for (const service of services) {
      t.strictSame(service, { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6', 'IPv4'] })
    }
    for (const service of servicesIn(render(...proxies))) {
      t.strictSame(service, { ipFamilyPolicy: undefined, ipFamilies: undefined })
    }
    t.throws(() => render(...set('service.ipFamilyPolicy=Both')), /ipFamilyPolicy/)
    t.end()
  },
)
