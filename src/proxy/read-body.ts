import type { IncomingMessage } from 'node:http'

/** Thrown for a body that is larger than may be judged. */
export class BodyTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`The body is larger than ${maxBytes} bytes, more than any write of this kind needs`)
    this.name = 'BodyTooLarge'
  }
}

/** Thrown when the client broke off. */
export class BodyCut extends Error {
  constructor(cause: unknown) {
    super('The client broke off in the middle of the body', { cause })
    this.name = 'BodyCut'
  }
}

/** The whole body of a request. @throws BodyTooLarge, BodyCut */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request) {
      const bytes: unknown = chunk
      if (!Buffer.isBuffer(bytes)) continue
      size += bytes.length
      // Read to the end all the same, since an answer to who is still sending is not heard.
      if (size <= maxBytes) chunks.push(bytes)
    }
  } catch (cause) {
    throw new BodyCut(cause)
  }
  if (size > maxBytes) throw new BodyTooLarge(maxBytes)
  return Buffer.concat(chunks)
}
