import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { UnpackedImage } from '../../image/contained.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import type { Guards } from '../guards.ts'
import type { RealCluster } from '../real-cluster.ts'
import { calm, evict, onlyAboutTheWait } from '../requests.ts'
import { World } from '../world.ts'

/** The guards of this run have the files, the user and the rights of the image's container, and no others. */
export async function inImage(
  t: Test,
  cluster: RealCluster,
  guards: Guards,
  image: UnpackedImage,
): Promise<void> {
  const [user = '', group = ''] = image.user.split(':')

  t.test('each guard runs Node of the image within its root', (t) => {
    t.ok(guards.replicas.length > 0)
    for (const { process } of guards.replicas) {
      const proc = (name: string): string => join('/proc', String(process.pid), name)
      t.equal(readlinkSync(proc('root')), image.root)
      t.equal(readlinkSync(proc('exe')), join(image.root, image.entrypoint[0] ?? ''))
      const mounts = readFileSync(proc('mounts'), 'utf8')
        .split('\n')
        .map((line) => line.split(' '))
        .map(([, path, , options = '']) => [path, options.split(',')[0]])
      for (const path of ['/', '/dev', '/etc/holdfast/config'])
        t.strictSame(
          mounts.findLast(([each]) => each === path),
          [path, 'ro'],
          path,
        )
    }
    t.end()
  })

  t.test(
    'each guard runs as the image’s user, without a capability and with the environment of a pod',
    (t) => {
      for (const { name, process } of guards.replicas) {
        const proc = (file: string): string => readFileSync(`/proc/${process.pid}/${file}`, 'utf8')
        const status = new Map(
          proc('status')
            .split('\n')
            .map((line) => line.split(':\t') as [string, string]),
        )
        t.equal(status.get('Uid'), [user, user, user, user].join('\t'))
        t.equal(status.get('Gid'), [group, group, group, group].join('\t'))
        t.equal(status.get('CapEff'), '0'.repeat(16))
        t.equal(status.get('CapPrm'), '0'.repeat(16))
        t.equal(status.get('NoNewPrivs'), '1')
        const env = proc('environ')
          .split('\0')
          .filter((line) => line !== '')
        const names = env.map((line) => line.slice(0, line.indexOf('=')))
        t.strictSame(names.toSorted(), [
          'HOLDFAST_REPLICA',
          'HOME',
          'KUBERNETES_SERVICE_HOST',
          'KUBERNETES_SERVICE_PORT',
          'MALLOC_ARENA_MAX',
          'NODE_DISABLE_COMPILE_CACHE',
          'NODE_ENV',
          'PATH',
          'POD_NAME',
        ])
        t.ok(env.includes(`HOLDFAST_REPLICA=${name}`))
        t.notMatch(proc('cmdline'), 'kubeconfig')
      }
      t.end()
    },
  )

  await t.test('an eviction waits for a clean-up, and goes on once that has ended', async (t) => {
    const world = new World(cluster)
    await world.node('im', [disk('im-a'), disk('im-b')])
    await world.image('im', [pending('im-a')])
    t.match(await evict(cluster, 'im', 'im-b', '--dry-run=server'), { code: 1, stderr: /has to wait: / })
    await world.cleanedUp('im', 'im-a')
    t.match(await evict(cluster, 'im', 'im-b'), { code: 0, stderr: onlyAboutTheWait })
    t.match(await calm(cluster, 'im', 'im-b'), { code: 0 })
    await world.forgetImages()
  })
}
