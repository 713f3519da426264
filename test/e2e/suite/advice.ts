import type { Test } from 'tap'
import type { DoctorFinding } from '../../../src/commands/doctor/finding.ts'
import { commandIn } from '../../commands/guarded-cluster.ts'
import { run } from '../../commands/holdfast.ts'
import { root } from '../../fixtures/root.ts'
import { askUntil } from '../ask-until.ts'
import { ask } from '../cluster.ts'
import type { RealCluster } from '../real-cluster.ts'

const namespace = 'advised'
const registration = 'validatingwebhookconfigurations.admissionregistration.k8s.io'
const upgrade = [
  ...['upgrade', 'holdfast', `${root}/charts/holdfast`, '--namespace', namespace],
  '--reset-then-reuse-values',
]

/** The command in a remedy, up to the end or the next sentence. */
const command = {
  helm: /helm upgrade [^;']*?(?=\. |;|$)/,
  patch: /kubectl patch \S+ holdfast --type json -p '[^']*'/,
  look: /kubectl -n \S+ get \S+ -l \S+ -o \w+/,
  restart: /kubectl -n \S+ rollout restart deployment -l [\w./=-]+\w/,
  canI: /kubectl auth can-i .*$/,
}

/** Follows doctor's advice about the chart. No kubelet runs Deployments here, so no guard answers. */
export function advice(t: Test, cluster: RealCluster): void {
  const found = async (check: DoctorFinding['check']): Promise<DoctorFinding[]> => {
    const flags = ['--kubeconfig', `${cluster.plane.folder}/kubeconfig`, '--namespace', namespace]
    const { stdout, stderr } = await run(['doctor', '-o', 'json', ...flags])
    if (stdout === '') throw new Error(stderr)
    const { findings } = JSON.parse(stdout) as { findings: DoctorFinding[] }
    return findings.filter((each) => each.check === check && each.level !== 'ok')
  }
  /** Runs a command of each remedy, each once. @returns what was found before */
  const follow = async (t: Test, check: DoctorFinding['check'], what: RegExp): Promise<string> => {
    const findings = await found(check)
    for (const line of new Set(findings.map(({ remedy }) => commandIn(remedy ?? '', what))))
      t.match(await cluster.shell(line), { code: 0, stderr: '' }, line)
    return findings.map((each) => each.what).join('\n')
  }
  const isWell = async (t: Test, check: DoctorFinding['check']) => t.strictSame(await found(check), [])
  const set = async (...settings: readonly string[]) => {
    const { code, stderr } = await cluster.helm([
      ...[...upgrade, '--no-hooks'],
      ...settings.flatMap((each) => ['--set', each]),
    ])
    if (code !== 0) throw new Error(stderr)
  }
  const change = (patch: readonly object[]) =>
    cluster.must(['patch', registration, 'holdfast', '--type=json', '-p', JSON.stringify(patch)])

  t.test('a guard that is not there is installed', async (t) => {
    t.match(await follow(t, 'replicas', command.helm), `There is no guard in namespace ${namespace}`)
    t.match((await found('replicas'))[0]?.what, '0 of 2 replicas of the guard')
    await isWell(t, 'registration')
    await isWell(t, 'rights')
  })

  t.test('a registration that fails open, or too soon, is set right', async (t) => {
    await set('webhook.failurePolicy=Ignore', 'webhook.timeoutSeconds=3')
    const what = await follow(t, 'registration', command.helm)
    t.match(what, 'has failurePolicy Ignore')
    t.match(what, 'gives the guard 3 s')
    await isWell(t, 'registration')
    await set('webhook.failurePolicy=Ignore')
  })

  t.test('a registration that is gone is put back', async (t) => {
    await cluster.must(['delete', registration, 'holdfast'])
    t.match(
      await follow(t, 'registration', command.helm),
      'There is no ValidatingWebhookConfiguration holdfast',
    )
    await set('webhook.failurePolicy=Fail')
    await isWell(t, 'registration')
  })

  t.test('a narrowed registration is reported, and fixed by the printed commands', async (t) => {
    await change([
      { op: 'add', path: '/webhooks/0/objectSelector', value: { matchLabels: { guarded: 'yes' } } },
      { op: 'add', path: '/webhooks/0/namespaceSelector/matchLabels', value: { team: 'storage' } },
      { op: 'add', path: '/webhooks/0/matchConditions/-', value: { name: 'never', expression: 'false' } },
    ])
    await set()
    const what = await follow(t, 'registration', command.patch)
    for (const text of [
      'an objectSelector (guarded)',
      'selects namespaces by team',
      'the chart does not have: never',
    ])
      t.match(what, text, 'an upgrade alone leaves it there')
    await isWell(t, 'registration')

    await change([
      { op: 'replace', path: '/webhooks/0/matchConditions/0/expression', value: 'false' },
      { op: 'replace', path: '/webhooks/0/matchPolicy', value: 'Exact' },
      { op: 'remove', path: '/webhooks/0/rules/1' },
    ])
    const changed = await found('registration')
    t.equal(changed.length, 3)
    const [first] = changed
    t.match(await cluster.shell(commandIn(first?.remedy ?? '', command.helm)), { code: 0, stderr: '' })
    await isWell(t, 'registration')
  })

  t.test('rights that are missing are given', async (t) => {
    await cluster.must(['delete', 'role', 'holdfast', '-n', 'longhorn-system'])
    // The API server goes by the role for a moment after it is gone.
    const [missing] = await askUntil(
      () => found('rights'),
      (findings) => findings.length > 0,
    )
    t.match(await follow(t, 'rights', command.helm), 'is not allowed to')
    await isWell(t, 'rights')
    t.match(await cluster.shell(commandIn(missing?.remedy ?? '', command.canI)), { code: 0, stdout: 'yes\n' })
  })

  t.test('a Deployment is looked at, started again, and has two replicas', async (t) => {
    await set('replicas=1')
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/holdfast`
    const deployment = async () =>
      (await ask(cluster, 'GET', path)) as {
        spec: { replicas: number; template: { metadata: object; spec: object } }
      }
    t.match(await follow(t, 'trust', command.restart), 'There is no caBundle')
    t.match(await deployment(), {
      spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': /./ } } } },
    })
    const { metadata, spec } = (await deployment()).spec.template
    const pods = `/api/v1/namespaces/${namespace}/pods`
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'guard-a' }, spec }
    await ask(cluster, 'POST', pods, pod)
    const conditions = [{ type: 'Ready', status: 'True' }]
    await ask(cluster, 'PATCH', `${pods}/guard-a/status`, { status: { phase: 'Running', conditions } })
    t.match(await follow(t, 'replicas', command.helm), 'The guard has only one replica')
    t.match(await deployment(), { spec: { replicas: 2 } })
    const [fewer] = await found('replicas')
    const shown = await cluster.shell(commandIn(fewer?.remedy ?? '', command.look))
    t.match(shown, { code: 0, stdout: /guard-a/ })
    const settings = `kubectl -n ${namespace} get configmap -l holdfast.dev/component=guard -o yaml`
    t.match((await cluster.shell(settings)).stdout, /holdfast\.yaml: \|/, 'where doctor says that rules are')
  })

  t.test('every command in an alert can be run', async (t) => {
    const proxy = [
      'proxy.longhorn.enabled=true',
      'proxy.longhorn.ui.point=false',
      'prometheusRule.enabled=true',
    ]
    await set(...proxy)
    const rules = await cluster.must(['get', 'prometheusrule', 'holdfast', '-n', namespace, '-o', 'json'])
    const descriptions = [...rules.matchAll(/"description": "(.*)"/g)].flatMap(([, text]) => text ?? [])
    t.ok(descriptions.length > 18, `${descriptions.length} alerts`)
    const commands = new Set(
      descriptions.flatMap((text) => text.match(/kubectl .*?(?=\.? [A-Z]|\.?$)/g) ?? []),
    )
    t.ok(commands.size > 4, [...commands].join('\n'))
    for (const line of commands) {
      // No kubelet has a log.
      const { code, stderr } = await cluster.shell(line)
      t.ok(code === 0 || line.includes(' logs '), `${line}: ${stderr}`)
    }
  })

  t.test('the release goes again', async (t) => {
    await cluster.must(['delete', 'pod', 'guard-a', '-n', namespace, '--grace-period=0', '--force'])
    t.match(await cluster.helm(['uninstall', 'holdfast', '--namespace', namespace]), {
      code: 0,
    })
    await cluster.must(['delete', 'namespace', namespace, '--wait=false'])
  })
  t.end()
}
