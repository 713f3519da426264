import type { IncomingMessage } from 'node:http'
import { badRequest, tooLarge } from '../failure.ts'
import { protobufType, readProtobuf } from './protobuf.ts'

/** A body as it came: undefined when there is none. */
export interface Body {
  /** Without parameters, in lower case; empty when not said. */
  readonly mediaType: string
  readonly value: unknown
}

/**
 * Reads the JSON body of a request, or what `kubectl create` sends in its place; undefined when it has none.
 *
 * @throws ApiError 413 when it is longer than `maxBytes`, 400 when it is not JSON, or nested too deep
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Body | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  if (bytes === 0) return undefined
  const mediaType = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  const whole = Buffer.concat(chunks)
  if (mediaType === protobufType) {
    const value = readProtobuf(whole)
    return { mediaType: value === undefined ? mediaType : 'application/json', value }
  }
  return { mediaType, value: isJson(mediaType) ? parse(whole.toString('utf8')) : undefined }
}

function isJson(mediaType: string): boolean {
  return mediaType === '' || /[/+]json$/.test(mediaType)
}

function parse(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw Object.assign(badRequest(`the body of the request is not JSON: ${why}`), { cause: error })
  }
  if (isDeeperThan(deepest, value)) throw badRequest('the body of the request exceeds the maximum depth')
  return value
}

/** The API server reads 10,000 levels. Here objects are walked through by recursion, and no real one has ten. */
const deepest = 1_000

function isDeeperThan(levels: number, value: unknown): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > levels) return true
    level = level.flatMap((each): unknown[] =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    )
  }
  return false
}
