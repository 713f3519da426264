import fc from 'fast-check'
import t from 'tap'
import { readProtobuf } from '../../src/sandbox/api-server/http/protobuf.ts'

const field = (number: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content)
  const length =
    bytes.length < 128 ? [bytes.length] : [(bytes.length % 128) + 128, Math.floor(bytes.length / 128)]
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes])
}
const entry = (key: string, value: string): Buffer => Buffer.concat([field(1, key), field(2, value)])
const object = (kind: string, ...fields: readonly Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from('k8s\0'),
    field(1, Buffer.concat([field(1, 'v1'), field(2, kind)])),
    field(2, Buffer.concat(fields)),
    field(3, ''),
  ])

t.test('objects that kubectl makes from flags are read', (t) => {
  const metadata = field(
    1,
    Buffer.concat([field(1, 'm'), field(3, 'ns'), field(11, entry('a', 'b')), field(8, '')]),
  )
  t.strictSame(readProtobuf(object('Namespace', metadata, field(2, ''))), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'm', namespace: 'ns', labels: { a: 'b' } },
  })
  const long = 'x'.repeat(5_000)
  const data = [field(2, entry('k', long)), field(2, entry('l', 'ü')), Buffer.from([4 * 8, 1])]
  t.strictSame(readProtobuf(object('ConfigMap', metadata, ...data)), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'm', namespace: 'ns', labels: { a: 'b' } },
    data: { k: long, l: 'ü' },
    immutable: true,
  })
  t.match(readProtobuf(object('Secret', field(2, entry('k', 'x')), field(3, 'Opaque'))), {
    data: { k: 'eA==' },
    type: 'Opaque',
  })
  t.end()
})

t.test('a value that is no such object is rejected', (t) => {
  t.equal(readProtobuf(object('Pod')), undefined)
  t.equal(readProtobuf(Buffer.from('{}')), undefined)
  const whole = object('Namespace', field(1, field(1, 'name')))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(whole.length), (bytes, cut) => {
      readProtobuf(Buffer.concat([Buffer.from('k8s\0'), bytes]))
      readProtobuf(Buffer.concat([whole.subarray(0, cut), bytes]))
    }),
  )
  t.end()
})
