import type http from 'node:http'
import type { Test } from 'tap'
import type { ProxyOptions } from '../../../src/doors/proxy/door.ts'
import { LonghornDoor, type LonghornDoorModules } from '../../../src/doors/proxy/longhorn/door.ts'
import type { Node } from '../../../src/longhorn/node.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { disk } from '../../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

/** An evicted disk. */
export const emptied = { evictionRequested: true, allowScheduling: false }

/** n1, one of its disks evicted, in this version. */
export function node(resourceVersion: string): Node {
  const disks = [disk('d1', emptied), disk('d2')]
  const found = cluster('v1.8.0').node('n1', disks, { metadata: { resourceVersion } }).map.node('n1')
  if (!found) throw new Error('there is no n1')
  return found
}

/** A door that admits everything, and counts reservations and their releases. */
export async function proxied(
  t: Test,
  modules: Partial<LonghornDoorModules>,
  answer: http.RequestListener = (request, response) =>
    void request.resume().on('end', () => response.end('{}')),
  options: Partial<ProxyOptions> = {},
) {
  const { modules: admits, decided, denied, reserved } = admitting()
  const all = { ...unasked, ...admits, ...modules }
  const door = new LonghornDoor({ holdMs: 0, userHeader: undefined }, all)
  const proxy = await beforeUpstream(t, answer, () => door, options)
  const put = (body: object | string, path = '/v1/nodes/n1', method = 'PUT') =>
    fetch(proxy.url + path, { method, body: typeof body === 'string' ? body : JSON.stringify(body) })
  return { ...proxy, put, decided, denied, reserved }
}
