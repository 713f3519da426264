import { isJsonObject, type JsonObject } from '../../json.ts'

/** The type of a field: a text, a boolean, or a map of texts or of bytes (base64 in JSON). */
type Sort = 'text' | 'flag' | 'texts' | 'manyBytes'

/** The fields of a message by their numbers. */
type Message = ReadonlyMap<number, readonly [name: string, sort: Sort | Message]>

/** Only the fields that kubectl sets. */
const metadata: Message = new Map<number, readonly [string, Sort | Message]>([
  [1, ['name', 'text']],
  [2, ['generateName', 'text']],
  [3, ['namespace', 'text']],
  [11, ['labels', 'texts']],
  [12, ['annotations', 'texts']],
])

/**
 * The objects that `kubectl create` makes from flags alone, for the known kinds (k8s.io/api
 * core/v1/generated.proto).
 */
const kinds: Readonly<Record<string, Message>> = {
  Namespace: new Map([[1, ['metadata', metadata]]]),
  ConfigMap: new Map<number, readonly [string, Sort | Message]>([
    [1, ['metadata', metadata]],
    [2, ['data', 'texts']],
    [3, ['binaryData', 'manyBytes']],
    [4, ['immutable', 'flag']],
  ]),
  Secret: new Map<number, readonly [string, Sort | Message]>([
    [1, ['metadata', metadata]],
    [2, ['data', 'manyBytes']],
    [3, ['type', 'text']],
    [4, ['stringData', 'texts']],
    [5, ['immutable', 'flag']],
  ]),
}

/** The media type of objects in protobuf. */
export const protobufType = 'application/vnd.kubernetes.protobuf'

const magic = Buffer.from('k8s\0')

/**
 * Reads an object in Kubernetes' protobuf, which newer clients send for core kinds.
 *
 * @returns undefined for any other bytes or kind
 */
export function readProtobuf(bytes: Buffer): JsonObject | undefined {
  if (!bytes.subarray(0, magic.length).equals(magic)) return undefined
  try {
    const envelope = new Map(fieldsOf(bytes.subarray(magic.length)))
    const type = new Map(fieldsOf(bytesOf(envelope.get(1))))
    const [apiVersion, kind] = [1, 2].map((field) => bytesOf(type.get(field)).toString())
    const message = kinds[kind ?? '']
    return apiVersion === 'v1' && message
      ? { apiVersion, kind, ...objectOf(message, bytesOf(envelope.get(2))) }
      : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function objectOf(message: Message, bytes: Buffer): JsonObject {
  const object: Record<string, unknown> = {}
  for (const [number, value] of fieldsOf(bytes)) {
    const [name, sort] = message.get(number) ?? []
    if (name === undefined || sort === undefined) continue
    if (sort === 'texts' || sort === 'manyBytes') {
      const [key, its] = [1, 2].map((field) => bytesOf(new Map(fieldsOf(bytesOf(value))).get(field)))
      const text = its?.toString(sort === 'texts' ? 'utf8' : 'base64')
      const before = object[name]
      object[name] = { ...(isJsonObject(before) ? before : {}), [key?.toString() ?? '']: text }
    } else if (sort === 'flag') object[name] = value === 1
    else object[name] = sort === 'text' ? bytesOf(value).toString() : objectOf(sort, bytesOf(value))
  }
  return object
}

function bytesOf(value: Buffer | number | undefined): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0)
}

/**
 * The fields of a message in their order.
 *
 * @throws RangeError if it ends too early, or has a wire type that Kubernetes does not use
 */
function* fieldsOf(bytes: Buffer): Generator<readonly [number, Buffer | number], void> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes.readUInt8(at)
      at += 1
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case 0:
        yield [number, varint()]
        break
      case 2: {
        const length = varint()
        if (at + length > bytes.length) throw new RangeError('a field is longer than its message')
        yield [number, bytes.subarray(at, at + length)]
        at += length
        break
      }
      default:
        throw new RangeError('no field of Kubernetes is of this sort')
    }
  }
}
