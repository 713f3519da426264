import type { Stored } from '../reviews/questions.ts'
import type { Request } from '../contest/load.ts'

/** The requests to the proxies, by the API that they stand before: reads, and a write that the guard has to read. */
export const questions = {
  longhorn: ['longhorn-read', 'longhorn-write'],
  kubernetes: ['kubernetes-read'],
} as const

type Question = (typeof questions)[keyof typeof questions][number]

/** The request of a question, about a node. */
export function requestOf(question: Question, { metadata }: Stored): Request {
  const name = String(metadata.name)
  switch (question) {
    case 'longhorn-read':
      return fixed('GET', `/v1/nodes/${name}`, undefined)
    case 'longhorn-write':
      return fixed('PUT', `/v1/nodes/${name}`, {
        name,
        allowScheduling: true,
        evictionRequested: false,
        tags: ['ssd'],
      })
    case 'kubernetes-read':
      return fixed('GET', `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/${name}`, undefined)
  }
}

function fixed(method: string, target: string, body: object | undefined): Request {
  const text = body === undefined ? '' : JSON.stringify(body)
  const head = [`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Accept: application/json']
  const ofBody = ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`]
  const lines = body === undefined ? head : [...head, ...ofBody]
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`)
  return { numbered: () => bytes }
}
