import type { Test } from 'tap'
import { exchangeRaw } from '../../doors/proxy/raw-request.ts'
import { disk, ready } from '../../fixtures/raw-objects.ts'
import { longhornPath } from '../cluster.ts'
import type { RealCluster } from '../real-cluster.ts'
import { World } from '../world.ts'

const raise = '{"spec":{"allowScheduling":false,"evictionRequested":true}}'

/** Requests as no client of Node would send them, to a proxy before the Kubernetes API at this port. */
export async function targets(t: Test, cluster: RealCluster, port: number): Promise<void> {
  const world = new World(cluster)
  await world.node('pt', [disk('pt-a')])
  await world.image('pt-image', [ready('pt-a')])
  const send = async (method: string, target: string, body = raise): Promise<string> => {
    const framed = { framing: 'length', bytes: Buffer.from(body) } as const
    const headers = [`Content-Type: application/${method === 'PATCH' ? 'merge-patch+' : ''}json`]
    const answer = await exchangeRaw(port, '127.0.0.1', { method, target, headers, body: framed })
    return answer.toString()
  }
  const [node, image] = [`${longhornPath('nodes')}/pt`, `${longhornPath('backingimages')}/pt-image`]
  const emptied = '{"spec":{"diskFileSpecMap":null}}'
  const around: readonly (readonly [method: string, target: string, body?: string])[] = [
    ['PATCH', `${node}//x`],
    ['PATCH', `${node}//status`],
    ['PATCH', `${node}%2F%2Fx`],
    ['PATCH', `${image}//x`, emptied],
    ['DELETE', `${node}//x`, '{}'],
    ['DELETE', `${node}//..`, '{}'],
    ['DELETE', `${longhornPath('nodes')}///pt`, '{}'],
    ['PATCH', `${node}#`],
  ]
  for (const [method, target, body] of around) {
    t.match(await send(method, target, body), /^HTTP\/1\.1 400 .*"kind":"Status"/s, `${method} ${target}`)
  }
  t.match(await send('PATCH', image, emptied), /^HTTP\/1\.1 403 .*last-usable-copy/s, 'without the detour')
  t.match(await send('DELETE', longhornPath('nodes'), '{}'), /^HTTP\/1\.1 403 .*disk-removal-with-copies/s)
  const backend = '/api/v1/namespaces/longhorn-system/services/http:longhorn-backend:9500/proxy/v1/nodes/pt'
  t.match(
    await send('PUT', backend, '{"evictionRequested":true}'),
    /^HTTP\/1\.1 403 .*holdfast proxy longhorn/s,
  )
  const stored = async (kind: string, name: string): Promise<string> =>
    await cluster.must(['get', `${kind}.longhorn.io`, name, '-n', 'longhorn-system', '-o', 'json'])
  t.match(await stored('nodes', 'pt'), '"evictionRequested": false')
  t.notMatch(await stored('nodes', 'pt'), 'deletionTimestamp')
  t.match(await stored('backingimages', 'pt-image'), 'uuid-pt-a')

  const digits = '9007199254740993'
  const reserved = `{"spec":{"disks":{"pt-a":{"storageReserved":${digits}}}}}`
  t.match(await send('PATCH', node, reserved), /^HTTP\/1\.1 200 /)
  t.match(await stored('nodes', 'pt'), `"storageReserved": ${digits}`)
}
