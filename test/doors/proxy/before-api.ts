import type http from 'node:http'
import type { Test } from 'tap'
import { KubernetesDoor, type KubernetesDoorModules } from '../../../src/doors/proxy/kubernetes/door.ts'
import { kinds } from '../../../src/longhorn/kinds.ts'
import { disk, rawNode } from '../../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

/** For node n1. */
export const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1'
/** An eviction. */
export const emptied = { evictionRequested: true, allowScheduling: false }

/** n1 with its first disk like this, in this version, as the API server writes it. */
export function written(resourceVersion: string, first: object = {}): object {
  return rawNode('n1', [disk('d1', first), disk('d2')], { metadata: { resourceVersion } })
}

/** The same, read. */
export function node(resourceVersion: string, first: object = {}) {
  const parsed = kinds.Node.parse(written(resourceVersion, first))
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** A door that admits everything, before an API server that answers dry runs like this and does the rest. */
export async function beforeApi(
  t: Test,
  dryRun: http.RequestListener,
  modules: Partial<KubernetesDoorModules>,
  holdMs = 0,
  write: http.RequestListener = (_, response) => response.end('{"done":true}'),
) {
  const { modules: admits, decided, denied, reserved } = admitting()
  const proxy = await beforeUpstream(
    t,
    (request, response) => {
      request.resume().on('end', () => {
        if (request.url?.includes('dryRun=All')) dryRun(request, response)
        else write(request, response)
      })
    },
    ({ ask }) =>
      new KubernetesDoor(
        { longhornNamespace: 'longhorn-system', holdMs },
        {
          ...unasked,
          whoIs: ann,
          ask,
          ...admits,
          ...modules,
        },
      ),
  )
  const patch = async (type: string) => {
    const answer = await fetch(proxy.url + path, {
      method: 'PATCH',
      headers: { 'content-type': type },
      body: '{}',
    })
    return { status: answer.status, body: (await answer.json()) as object }
  }
  const committed = () => proxy.asked.filter((each) => !each.includes('dryRun'))
  return { ...proxy, patch, committed, decided, denied, reserved }
}

/** The result of a dry run on each of these versions in turn. */
export function resultsOn(...versions: string[]): http.RequestListener {
  return (_, response) => response.end(JSON.stringify(written(versions.shift() ?? '', emptied)))
}
