import t from 'tap'
import { parsed } from '../fixtures/cluster.ts'

const metadata = { name: 'n' }

t.test('sizes and progress are read where Longhorn says them', (t) => {
  const status = { size: 671_088_640, diskFileStatusMap: { d: { state: 'in-progress', progress: 25 } } }
  const image = parsed('BackingImage', { metadata, status })
  t.equal(image.status.size, 671_088_640)
  t.equal(image.status.diskFileStatusMap.get('d')?.progress, 25)
  t.equal(parsed('BackingImage', { metadata, status: { size: 0 } }).status.size, undefined)
  for (const [volumeSize, bytes] of [
    ['1073741824', 1_073_741_824],
    ['0', undefined],
    ['', undefined],
    ['a lot', undefined],
  ] as const)
    t.equal(parsed('Replica', { metadata, spec: { volumeSize } }).spec.volumeSize, bytes, volumeSize)
  t.end()
})
