import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { connect } from '../../src/kubernetes/client/connection.ts'

/** A kubeconfig with one context, whose namespace identifies it. */
function kubeconfig(user: object = {}, cluster: object = {}, namespace = 'mine') {
  return {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x', namespace } }],
    clusters: [{ name: 'x', cluster: { server: 'https://a.example', ...cluster } }],
    users: [{ name: 'x', user }],
  }
}

t.test('~/.kube/config wins over the service account in a shell of a pod', async (t) => {
  const home = t.testdir({ token: 'of-the-pod', namespace: 'of-the-pod' })
  const environment = { HOME: home, KUBERNETES_SERVICE_HOST: '10.0.0.1' }
  const namespace = async () => {
    const connection = await connect({ serviceAccountFolder: home, environment })
    connection.close()
    return connection.namespace
  }
  t.equal(await namespace(), 'of-the-pod')
  await mkdir(path.join(home, '.kube'))
  await writeFile(path.join(home, '.kube/config'), JSON.stringify(kubeconfig()))
  t.equal(await namespace(), 'mine')
})

t.test('a kubeconfig that PowerShell wrote is read by its byte order mark', async (t) => {
  const text = JSON.stringify(kubeconfig({}, {}, 'süd'))
  const little = Buffer.from(`\ufeff${text}`, 'utf16le')
  const forms = { utf8: Buffer.from(`\ufeff${text}`), little, big: Buffer.from(little).swap16() }
  for (const [name, content] of Object.entries(forms)) {
    const file = path.join(t.testdir(), name)
    await writeFile(file, content)
    const connection = await connect({ kubeconfig: file })
    connection.close()
    t.equal(connection.namespace, 'süd', name)
  }
})

const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'a', interactiveMode: 'Never' }
const pair = { 'client-certificate-data': 'YQ==', 'client-key-data': 'YQ==' }
const authority = { 'certificate-authority': 'a', 'certificate-authority-data': 'YQ==' }

const refused: readonly (readonly [problem: RegExp, user: object, cluster?: object])[] = [
  [/user "x" has both a token and a password\. Take one of them out\./, { token: 'a', username: 'ann' }],
  [/user "x" has both a token and a password/, { tokenFile: 'a', password: 'b' }],
  [/cluster "x" has both certificate-authority and certificate-authority-data/, {}, authority],
  [
    /user "x" has both client-certificate and client-certificate-data/,
    { ...pair, 'client-certificate': 'a' },
  ],
  [/user "x" has both client-key and client-key-data/, { ...pair, 'client-key': 'a' }],
  [/user "x" has a client-certificate and no client-key/, { 'client-certificate': 'a' }],
  [/user "x" has both exec and auth-provider/, { exec, 'auth-provider': { name: 'oidc' } }],
  [/its apiVersion: .*k8s\.io\/v1, .*k8s\.io\/v1beta1\./, { exec: { ...exec, apiVersion: 'v1' } }],
  [/one of these as its apiVersion/, { exec: { ...exec, apiVersion: '' } }],
  [/its interactiveMode: IfAvailable, Never, Always\./, { exec: { ...exec, interactiveMode: '' } }],
  [/one of these as its interactiveMode/, { exec: { ...exec, interactiveMode: 'never' } }],
  [/certificate-authority-data is no base64/, {}, { 'certificate-authority-data': 'LS0 tLS0=' }],
  [/users\[0\]\.user\.client-key-data is no base64/, { ...pair, 'client-key-data': 'YQ' }],
]

t.test('a contradictory kubeconfig is an error, as it is for kubectl', async (t) => {
  for (const [problem, user, cluster] of refused) {
    const folder = t.testdir({ config: JSON.stringify(kubeconfig(user, cluster)) })
    await t.rejects(
      connect({ kubeconfig: path.join(folder, 'config') }),
      { message: problem },
      problem.source,
    )
  }
})

t.test('a connection ignores problems of other users in the kubeconfig', async (t) => {
  const { users, ...rest } = kubeconfig()
  const other = { name: 'y', user: { token: 'a', username: 'ann', exec } }
  const folder = t.testdir({ config: JSON.stringify({ ...rest, users: [other, ...users] }) })
  const connection = await connect({ kubeconfig: path.join(folder, 'config') })
  connection.close()
  t.equal(connection.namespace, 'mine')
})

t.test('an exec of version v1beta1 may leave out interactiveMode', async (t) => {
  const older = { ...exec, apiVersion: 'client.authentication.k8s.io/v1beta1', interactiveMode: undefined }
  const folder = t.testdir({ config: JSON.stringify(kubeconfig({ exec: older })) })
  const connection = await connect({ kubeconfig: path.join(folder, 'config') })
  connection.close()
  t.equal(connection.namespace, 'mine')
})
