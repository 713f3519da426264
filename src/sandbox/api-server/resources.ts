import { type Kind, kinds, group as longhornGroup, version as longhornVersion } from '../../longhorn/kinds.ts'
import type { ResourceName } from '../cluster-client.ts'
import { parseWebhookConfiguration } from './admission/webhook-configuration.ts'
import { parseEvent, parseLease, parseSecret } from './core-schemas.ts'
import * as column from './resource-facts.ts'
import type { Column, ResourceFacts } from './resource-facts.ts'

/** Longhorn's own columns, as its CustomResourceDefinitions have them. */
const longhornColumns: Readonly<Record<Kind, readonly Column[]>> = {
  Node: [
    column.condition('Ready', 'Ready'),
    column.flag('AllowScheduling', 'spec', 'allowScheduling'),
    column.condition('Schedulable', 'Schedulable'),
  ],
  BackingImage: [
    column.text('UUID', 'status', 'uuid'),
    column.text('SourceType', 'spec', 'sourceType'),
    column.text('Size', 'status', 'size'),
    column.text('VirtualSize', 'status', 'virtualSize'),
  ],
  BackingImageDataSource: [
    column.text('UUID', 'spec', 'uuid'),
    column.text('State', 'status', 'currentState'),
    column.text('SourceType', 'spec', 'sourceType'),
    column.text('Size', 'status', 'size'),
    column.text('Node', 'spec', 'nodeID'),
    column.text('DiskUUID', 'spec', 'diskUUID'),
  ],
  BackingImageManager: [
    column.text('State', 'status', 'currentState'),
    column.text('Image', 'spec', 'image'),
    column.text('Node', 'spec', 'nodeID'),
    column.text('DiskUUID', 'spec', 'diskUUID'),
    column.text('DiskPath', 'spec', 'diskPath'),
  ],
  Replica: [
    column.text('Data Engine', 'spec', 'dataEngine'),
    column.text('State', 'status', 'currentState'),
    column.text('Node', 'spec', 'nodeID'),
    column.text('Disk', 'spec', 'diskID'),
    column.text('InstanceManager', 'status', 'instanceManagerName'),
    column.text('Image', 'status', 'currentImage'),
  ],
  Setting: [column.text('Value', 'value')],
}

function longhorn(kind: Kind): ResourceFacts {
  const { plural, shortName, parse } = kinds[kind]
  return {
    group: longhornGroup,
    version: longhornVersion,
    plural,
    kind,
    singular: kind.toLowerCase(),
    shortNames: [shortName],
    namespaced: true,
    hasStatus: true,
    hasGeneration: true,
    selectable: [],
    columns: [column.name, ...longhornColumns[kind], column.age],
    parse,
  }
}

const builtIn = { shortNames: [], hasStatus: false, hasGeneration: false, selectable: [] } as const

/** Core Namespaces. */
export const namespaces: ResourceFacts = {
  ...builtIn,
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  singular: 'namespace',
  shortNames: ['ns'],
  namespaced: false,
  selectable: ['status.phase'],
  columns: [column.name, column.text('Status', 'status', 'phase'), column.age],
  parse: (raw) => ({ ok: true, value: raw }),
}

/** Registrations of validating webhooks. This server calls them as the API server does. */
export const webhookConfigurations: ResourceFacts = {
  ...builtIn,
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  singular: 'validatingwebhookconfiguration',
  namespaced: false,
  hasGeneration: true,
  columns: [column.name, column.webhookCount, column.age],
  parse: parseWebhookConfiguration,
}

/** Core Events: `kubectl describe` shows them below an object. */
const events: ResourceFacts = {
  ...builtIn,
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  selectable: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (field) => `involvedObject.${field}`,
    ),
    'reason',
    'reportingComponent',
    'type',
  ],
  columns: [
    column.lastSeen,
    column.text('Type', 'type'),
    column.text('Reason', 'reason'),
    column.involvedObject,
    column.wide(column.text('Source', 'source', 'component')),
    column.text('Message', 'message'),
    column.wide(column.text('Count', 'count')),
    column.wide(column.name),
  ],
  parse: parseEvent,
}

const leases: ResourceFacts = {
  ...builtIn,
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  singular: 'lease',
  namespaced: true,
  columns: [column.name, column.text('Holder', 'spec', 'holderIdentity'), column.age],
  parse: parseLease,
}

/** Core Secrets, where a guard keeps its self-made certificates. They are as open as everything here. */
const secrets: ResourceFacts = {
  ...builtIn,
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  singular: 'secret',
  namespaced: true,
  columns: [column.name, column.text('Type', 'type'), column.age],
  parse: parseSecret,
}

/** Core Pods. Only the managers of Longhorn in miniature have one here. Clients can list them. */
export const pods: ResourceFacts = {
  ...builtIn,
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  singular: 'pod',
  shortNames: ['po'],
  namespaced: true,
  selectable: ['status.phase', 'spec.nodeName'],
  columns: [column.name, column.text('Status', 'status', 'phase'), column.age],
  parse: (raw) => ({ ok: true, value: raw }),
}

/** Deployments. That of Longhorn's UI is there, and runs nothing. */
export const deployments: ResourceFacts = {
  ...builtIn,
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  singular: 'deployment',
  shortNames: ['deploy'],
  namespaced: true,
  columns: [column.name, column.age],
  parse: (raw) => ({ ok: true, value: raw }),
}

/** Core ConfigMaps, without effect here. */
const configMaps: ResourceFacts = {
  ...builtIn,
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  singular: 'configmap',
  shortNames: ['cm'],
  namespaced: true,
  columns: [column.name, column.age],
  parse: (raw) => ({ ok: true, value: raw }),
}

/** NetworkPolicies, without effect here. */
const networkPolicies: ResourceFacts = {
  ...builtIn,
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  namespaced: true,
  hasGeneration: true,
  columns: [column.name, column.age],
  parse: (raw) => ({ ok: true, value: raw }),
}

/**
 * CustomResourceDefinitions. Those of Longhorn exist, and name the served versions. Others have no effect.
 */
export const definitions: ResourceFacts = {
  ...builtIn,
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  namespaced: false,
  columns: [column.name, column.age],
  parse: (raw) => ({ ok: true, value: raw }),
}

/** All resources of the embedded cluster. */
export const resources: readonly ResourceFacts[] = [
  namespaces,
  events,
  longhorn('Node'),
  longhorn('BackingImage'),
  longhorn('BackingImageDataSource'),
  longhorn('BackingImageManager'),
  longhorn('Replica'),
  longhorn('Setting'),
  leases,
  secrets,
  webhookConfigurations,
  pods,
  deployments,
  configMaps,
  networkPolicies,
  definitions,
]

/** The facts of one resource; undefined for an unknown one. */
export function findResource(wanted: ResourceName): ResourceFacts | undefined {
  return resources.find(
    ({ group, version, plural }) =>
      group === wanted.group && version === wanted.version && plural === wanted.plural,
  )
}

/** `apiVersion` of the objects of a resource. */
export function apiVersionOf({ group, version }: ResourceName): string {
  return group === '' ? version : `${group}/${version}`
}
