import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { ClusterObject } from '../cluster-client.ts'

/** Longhorn's CustomResourceDefinitions, as far as somebody looks at them: which versions are served, and that all fields are kept. */
export function longhornDefinitions(): ClusterObject[] {
  return Object.entries(kinds).map(([kind, { plural, shortName }]) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), shortNames: [shortName] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }))
}

/** The Deployment of Longhorn's UI. Nothing runs it; it can be pointed at a proxy, as Longhorn's own can. */
export function longhornUi(namespace: string): ClusterObject {
  const name = 'longhorn-ui'
  const labels = { app: name }
  const env = [{ name: 'LONGHORN_MANAGER_IP', value: 'http://longhorn-backend:9500' }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image: `longhornio/${name}`, env }] } },
    },
  }
}
