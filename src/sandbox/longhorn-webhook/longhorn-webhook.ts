import { group } from '../../longhorn/kinds.ts'
import { settingNames } from '../../longhorn/setting.ts'
import type { OwnWebhook } from '../api-server/admission/admission.ts'
import type { AdmissionRequest } from '../api-server/admission/webhook-configuration.ts'
import type { ClusterClient, ResourceName } from '../cluster-client.ts'
import { readReplica, type ReplicaObject } from '../controllers/objects.ts'
import { resources } from '../controllers/resources.ts'
import { type JsonObject, text } from '../json.ts'
import { isFrom } from '../../longhorn/releases.ts'
import { onImage, onNode } from './denied-writes.ts'

/** The parts of Longhorn's webhook. */
interface LonghornWebhookModules {
  /** Reads the cluster; undefined until Longhorn has started. */
  readonly client: () => ClusterClient | undefined
  /** False while no longhorn-manager runs: they serve the webhook. */
  readonly isServed: () => boolean
  readonly namespace: string
}

/**
 * Longhorn's own validating webhook, as far as Holdfast's advice depends on it (longhorn.md §4). The managers
 * serve it, under `failurePolicy: Fail`: while none of them runs, most writes of Longhorn's objects fail. Its
 * sentences are not Longhorn's.
 */
export class LonghornWebhook implements OwnWebhook {
  readonly name = 'validator.longhorn.io'
  readonly #modules: LonghornWebhookModules

  constructor(modules: LonghornWebhookModules) {
    this.#modules = modules
  }

  async judge(request: AdmissionRequest): Promise<JsonObject | string | undefined> {
    const client = this.#modules.client()
    if (!client || request.resource.group !== group || request.subresource) return undefined
    const release = await this.#release(client)
    if (!isRegistered(request, release)) return undefined
    if (!this.#modules.isServed())
      return 'failed to call webhook: no endpoints available for service "longhorn-admission-webhook"'
    const { plural } = request.resource
    if (plural === resources.Node.plural) {
      const replicas = await this.#replicas(client, ({ nodeID }) => nodeID === nameOf(request))
      return onNode(request, { release, replicas })
    }
    if (plural !== resources.BackingImage.plural) return undefined
    const replicas = await this.#replicas(client, ({ backingImage }) => backingImage === nameOf(request))
    return onImage(request, { release, replicas })
  }

  async #release(client: ClusterClient): Promise<string> {
    const setting = await client.get(resources.Setting, this.#modules.namespace, settingNames.currentVersion)
    return text(setting?.value)
  }

  async #replicas(client: ClusterClient, isMeant: (replica: ReplicaObject) => boolean): Promise<number> {
    const replicas = await client.list(resources.Replica, this.#modules.namespace)
    return replicas.map(readReplica).filter(isMeant).length
  }
}

function nameOf({ name, oldObject }: AdmissionRequest): string {
  return name === '' ? (oldObject?.metadata.name ?? '') : name
}

/** The kinds whose deletion the webhook is asked about; it is asked about every other write of these kinds. */
const asksOfDeletion: readonly ResourceName[] = [resources.BackingImage, resources.Replica, resources.Setting]

function isRegistered({ operation, resource }: AdmissionRequest, release: string): boolean {
  if (operation !== 'DELETE') return true
  if (resource.plural === resources.Node.plural) return isFrom(release, [1, 10, 0])
  return asksOfDeletion.some(({ plural }) => plural === resource.plural)
}
