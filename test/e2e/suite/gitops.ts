import type { Test } from 'tap'
import { CertificateSecret } from '../../../src/kubernetes/certificate-secret.ts'
import { WebhookTrust } from '../../../src/kubernetes/webhook-configuration.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { caBundle } from '../../../src/tls/stored.ts'
import { root } from '../../fixtures/root.ts'
import type { RealCluster } from '../real-cluster.ts'

const chart = `${root}/charts/holdfast`
const registration = 'validatingwebhookconfigurations.admissionregistration.k8s.io/gitops-holdfast'
const signal = new AbortController().signal

/** How GitOps tools apply: Argo CD both ways, and on the server it takes fields from other managers. */
const ways: Readonly<Record<string, readonly string[]>> = {
  'kubectl apply': [],
  'server-side apply': ['--server-side', '--field-manager=argocd-controller', '--force-conflicts'],
}

/** The chart under a GitOps tool, which renders it without asking the cluster and compares what comes out with it. */
export function gitops(t: Test, cluster: RealCluster): void {
  const { connection } = cluster
  const rendered = async (...settings: readonly string[]): Promise<string> => {
    const template = ['template', 'gitops', chart, '--namespace', 'gitops', '--kube-version', '1.36.2']
    // No guard answers here.
    const sets = ['webhook.failurePolicy=Ignore', ...settings].flatMap((setting) => ['--set', setting])
    const { code, stdout, stderr } = await cluster.helm([...template, '--skip-tests', ...sets])
    if (code !== 0) throw new Error(stderr)
    return stdout
  }
  /** What a guard writes once it has started, in its own way. @returns what it has published */
  const published = async (): Promise<string> => {
    const authority = await makeAuthority({ now: Date.now })
    const kept = { authority, next: undefined, previous: undefined, serving: authority }
    const secret = new CertificateSecret({ connection, namespace: 'gitops', name: 'gitops-holdfast-tls' })
    const { version } = await secret.read(signal)
    if (!(await secret.write(kept, version, signal))) throw new Error('the Secret was not written')
    await new WebhookTrust(connection, 'gitops-holdfast').publish(caBundle(kept), signal)
    return Buffer.from(caBundle(kept)).toString('base64')
  }
  const stays = async (t: Test, bundle: string, how: string) => {
    const get = (object: string, path: string) =>
      cluster.must(['get', object, '-n', 'gitops', '-o', `jsonpath=${path}`])
    t.equal(await get(registration, '{.webhooks[0].clientConfig.caBundle}'), bundle, how)
    t.not(await get('secret/gitops-holdfast-tls', '{.data.ca\\.key}'), '', how)
  }

  t.test('fields that the guard publishes are no difference for GitOps tools', async (t) => {
    await cluster.must(['create', 'namespace', 'gitops'])
    for (const [how, flags] of Object.entries(ways)) {
      const yaml = await rendered()
      t.equal(await rendered(), yaml, 'a rendering is like every other')
      await cluster.must(['apply', ...flags, '-f', '-'], yaml)
      const bundle = await published()
      t.match(await cluster.kubectl(['diff', ...flags, '-f', '-'], yaml), { code: 0, stdout: '' }, how)
      await cluster.must(['apply', ...flags, '-f', '-'], yaml)
      await stays(t, bundle, how)
      await cluster.must(['delete', '-f', '-'], yaml)
    }
  })

  t.test('an upgrade by a GitOps tool changes what changed, and leaves no difference', async (t) => {
    for (const [how, flags] of Object.entries(ways)) {
      await cluster.must(['apply', ...flags, '-f', '-'], await rendered())
      const bundle = await published()
      const next = await rendered('image.tag=9.9.9', 'config.hold=7s', 'webhook.timeoutSeconds=9')
      const { code, stdout } = await cluster.kubectl(['diff', ...flags, '-f', '-'], next)
      t.equal(code, 1, `${how}: there is something to do`)
      t.match(stdout, /^\+.*9\.9\.9/m, how)
      t.match(stdout, /^\+ +timeoutSeconds: 9/m, how)
      t.notMatch(
        stdout,
        /^[-+].*(?:caBundle|ca\.key|tls\.)/m,
        `${how}: what the guard has published is no part of it`,
      )
      await cluster.must(['apply', ...flags, '-f', '-'], next)
      t.match(await cluster.kubectl(['diff', ...flags, '-f', '-'], next), { code: 0, stdout: '' }, how)
      await stays(t, bundle, how)
      await cluster.must(['delete', '-f', '-'], next)
    }
  })
  t.end()
}
