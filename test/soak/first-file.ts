import type { RequestOutcome } from '../../src/commands/sandbox/demo-cluster.ts'
import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { isJsonObject, object } from '../../src/sandbox/json.ts'
import { imageObject } from '../../src/sandbox/controllers/seed-objects.ts'
import { longhornPath } from '../e2e/cluster.ts'
import { insist } from '../race/put-back.ts'

const namespace = 'longhorn-system'
const how = { timeout: '4s' } as const

/** Makes an image whose first file Longhorn's controllers then place on this node: they may place it nowhere else. */
export async function placeFirstFile(
  person: Connection,
  name: string,
  node: string,
): Promise<RequestOutcome> {
  const made = imageObject({ name, copies: [], minNumberOfCopies: 1 }, [], namespace)
  return await send(person, 'POST', 'backingimages', {
    ...made,
    spec: { ...object(made.spec), nodeSelector: [node] },
  })
}

/** Lets Longhorn make the file, if there is the image, and takes both away. */
export async function endFirstFile(longhorn: Connection, name: string): Promise<void> {
  if (!(await isThere(longhorn, `backingimages/${name}`))) return
  await insist(`the first file of ${name} to be made`, async () => {
    const { body, ...outcome } = await send(longhorn, 'GET', `backingimagedatasources/${name}`)
    return { ...outcome, admitted: object(object(body).spec).fileTransferred === true }
  })
  for (const plural of ['backingimages', 'backingimagedatasources'])
    await insist(`${plural}/${name} to be gone`, async () => {
      const outcome = await send(longhorn, 'DELETE', `${plural}/${name}`)
      return { ...outcome, admitted: outcome.code === 404 }
    })
}

/** Asks until it knows. */
async function isThere(connection: Connection, path: string): Promise<boolean> {
  let code = 0
  await insist(`an answer about ${path}`, async () => {
    const outcome = await send(connection, 'GET', path)
    code = outcome.code
    return { ...outcome, admitted: code === 200 || code === 404 }
  })
  return code === 200
}

async function send(
  connection: Connection,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  json?: object,
): Promise<RequestOutcome & { readonly body: unknown }> {
  const answer = await connection.request({
    ...{ method, path: longhornPath(path), query: method === 'GET' ? {} : how },
    ...(json && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) }),
    signal: AbortSignal.timeout(30_000),
  })
  const body: unknown = JSON.parse(await answer.text())
  const message = isJsonObject(body) && typeof body.message === 'string' ? body.message : ''
  return { admitted: answer.status < 300, code: answer.status, message, body }
}
