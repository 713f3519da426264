import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type Agent, request } from 'node:https'

/** Posts JSON and reads the JSON of the answer. @throws without an answer */
export async function postJson(url: string, agent: Agent, json: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const sent = request(url, { method: 'POST', agent, headers, servername: 'localhost' })
  sent.end(JSON.stringify(json))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString())
}
