import t from 'tap'
import type { ClusterObject } from '../../../src/sandbox/cluster-client.ts'
import { entries, object } from '../../../src/sandbox/json.ts'
import { quickSandbox } from '../../race/guarded-sandbox.ts'
import { stageOf } from '../../race/pairs.ts'
import { proxiesOf } from '../../race/proxies.ts'
import { RestWay } from '../../race/rest-way.ts'

const images = { group: 'longhorn.io', version: 'v1beta2', plural: 'backingimages' }

t.test('no two concurrent clean-ups, through any proxies, remove the last copy of an image', async (t) => {
  const sandbox = await quickSandbox(8)
  t.teardown(() => sandbox.stop())
  const [one, other] = [await proxiesOf(sandbox), await proxiesOf(sandbox)]
  t.teardown(() => Promise.all([one.stop(), other.stop()]))
  const ways = [
    new RestWay(one.longhorn),
    new RestWay(other.longhorn),
    stageOf(sandbox, one.kubernetes),
    new RestWay(other.longhorn),
  ]
  const before = await sandbox.client.list(images, sandbox.namespace)
  const cleanUps = before.flatMap((image) =>
    copiesOf(image).map((uuid, at) => ({ way: ways[at % ways.length], name: image.metadata.name, uuid })),
  )
  await Promise.all(cleanUps.map(async ({ way, name, uuid }) => way?.cleanUp(name, uuid, { timeout: '20s' })))
  const left = (await sandbox.client.list(images, sandbox.namespace)).map((image) => copiesOf(image).length)
  t.strictSame(
    left.filter((count) => count === 0),
    [],
  )
  t.ok(
    left.some((count, at) => count < copiesOf(before[at]).length),
    'some were cleaned up',
  )
})

function copiesOf(image: ClusterObject | undefined): string[] {
  return [...entries(object(image?.spec).diskFileSpecMap).keys()]
}
