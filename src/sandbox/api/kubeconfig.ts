import { stringify } from 'yaml'

/**
 * A kubeconfig for the embedded cluster, as YAML.
 *
 * @param url where it listens, `http://127.0.0.1:…`
 * @param namespace what kubectl takes without `-n`
 */
export function kubeconfigFor(url: string, namespace: string): string {
  const name = 'holdfast-sandbox'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  })
}
