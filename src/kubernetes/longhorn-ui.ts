import { Type } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'
import type { Connection } from './connection.ts'
import { jsonRequest, MalformedAnswer } from './json-request.ts'

/** The UI's container, and the variable from which its nginx learns whom to ask: so Longhorn's own chart names them. */
const container = 'longhorn-ui'
const variable = 'LONGHORN_MANAGER_IP'

/** Which Deployment is the UI. */
export interface UiDeployment {
  readonly namespace: string
  readonly deployment: string
}

/** Where the UI is pointed. */
export interface PointedUi {
  readonly asks: string
  readonly changed: boolean
}

const parseDeployment = parser(
  Type.Object({
    spec: Type.Object({
      template: Type.Object({
        spec: Type.Object({
          containers: Type.Array(
            Type.Object({
              name: Type.String(),
              env: absent(Type.Array(Type.Object({ name: Type.String(), value: absent(Type.String()) }))),
            }),
          ),
        }),
      }),
    }),
  }),
  (raw) => raw.spec.template.spec.containers,
)

/**
 * Points Longhorn's UI at another server. Only the one variable is written, so it can be done again and again.
 *
 * @param target without a path: the UI's nginx appends its own
 * @param from the only server that it is pointed away from; any if undefined
 * @returns whom it asks now, and whether that is new
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer
 */
export async function pointUi(
  connection: Connection,
  { namespace, deployment }: UiDeployment,
  target: URL,
  from?: URL,
): Promise<PointedUi> {
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments/${encodeURIComponent(deployment)}`
  // Each answer has a limit of its own, and so has a sign-in before it.
  const { signal } = new AbortController()
  const containers = parseDeployment(await jsonRequest(connection, { method: 'GET', path, signal }))
  if (!containers.ok) {
    throw new MalformedAnswer(`Deployment ${deployment} cannot be read: ${containers.problem}.`)
  }
  const env = containers.value.find(({ name }) => name === container)?.env ?? []
  const value = target.origin
  const asked = env.find(({ name }) => name === variable)?.value ?? undefined
  if (asked === value) return { asks: value, changed: false }
  if (from !== undefined && asked !== from.origin) return { asks: asked ?? 'another server', changed: false }
  const spec = { containers: [{ name: container, env: [{ name: variable, value }] }] }
  await jsonRequest(connection, {
    method: 'PATCH',
    path,
    // Merges containers and variables by their names.
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
    json: { spec: { template: { spec } } },
    signal,
  })
  return { asks: value, changed: true }
}
