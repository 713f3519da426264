import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { Type } from 'typebox'
import { send } from '../../doors/proxy/relay.ts'
import { optional, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure, isPage } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import { inWords, mayNeedTls } from '../../text/system-error.ts'
import { systemClock } from '../../time/clock.ts'
import { connectWith, longhornNamespaceOption } from '../options/cluster-options.ts'
import { url, VariableOption } from '../options/variable-option.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { duration } from './run-proxy.ts'

interface PointUiFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly longhornNamespace: string
  readonly deployment: string
  /** Milliseconds. */
  readonly wait: number
  readonly ifThere: boolean
  readonly from?: URL
}

/** `holdfast proxy point-ui`: points Longhorn's UI at a proxy, or back at Longhorn. */
export function pointUiCommand(surroundings: CommandSurroundings): Command {
  return new Command('point-ui')
    .description('Points Longhorn’s UI at a proxy, or back at Longhorn. Its pods are replaced, one by one.')
    .argument('<url>', 'address that the UI asks from now on', url)
    .addOption(new VariableOption('--kubeconfig <file>', 'kubeconfig of the cluster', 'HOLDFAST_KUBECONFIG'))
    .addOption(new VariableOption('--context <name>', 'context of the kubeconfig', 'HOLDFAST_CONTEXT'))
    .addOption(longhornNamespaceOption())
    .option('--deployment <name>', 'the Deployment of the UI', 'longhorn-ui')
    .addOption(
      new Option(
        '--wait <duration>',
        'how long to wait for Longhorn’s REST API at that address; without it, the address is not checked',
      )
        .argParser(duration)
        .default(0, 'not at all'),
    )
    .option('--if-there', 'ignore a missing UI, or a missing right to change it: for an uninstall', false)
    .option('--from <url>', 'only if the UI asks this address now', url)
    .addHelpText(
      'after',
      `
An upgrade of Longhorn's chart points it back: run this command again afterwards.

Examples:
  $ holdfast proxy point-ui http://holdfast-longhorn.holdfast:9500 --wait 2m
  $ holdfast proxy point-ui http://longhorn-backend:9500`,
    )
    .action((target: URL, flags: PointUiFlags) => point(target, flags, surroundings))
}

/** An error that the user can fix. */
const known = [ApiFailure, ConnectionFailure, MalformedAnswer]

async function point(
  target: URL,
  { longhornNamespace: namespace, deployment, wait, ifThere, from, ...cluster }: PointUiFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stdout } = surroundings
  const unanswered = wait > 0 ? await untilAnswering(target, wait) : undefined
  if (unanswered !== undefined) {
    throw new CannotRun(
      `Longhorn’s UI was not changed: ${target.origin} does not answer for Longhorn (${unanswered}). Name the address of a Holdfast proxy, or that of Longhorn’s REST API`,
    )
  }
  const connection = await connectWith(cluster, surroundings)
  try {
    const { asks, changed } = await pointUi(connection, { namespace, deployment }, target, from)
    const isOther = from !== undefined && asks !== target.origin
    const when = isOther ? `, not ${from.origin}, and stays so` : changed ? ' from now on' : ' already'
    stdout.write(`Longhorn’s UI (Deployment ${deployment} of ${namespace}) asks ${asks}${when}.\n`)
  } catch (cause) {
    if (!known.some((each) => cause instanceof each)) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    if (ifThere && cause instanceof ApiFailure && (cause.code === 404 || cause.code === 403)) {
      stdout.write(`Longhorn’s UI was not found: ${why}\n`)
      return
    }
    throw new CannotRun(`Longhorn’s UI was not changed: ${why}`, { cause })
  } finally {
    connection.close()
  }
}

/** A pause that people do not notice. */
const pauseMs = 1_000

/** Limit for one answer. */
const answerMs = 10_000

/**
 * Waits until Longhorn's REST API answers at this address. Then the proxy runs, its name resolves, and
 * Longhorn admits it.
 *
 * @returns why it does not answer in time; undefined once it does
 */
async function untilAnswering(server: URL, timeoutMs: number): Promise<string | undefined> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const problem = await problemOf(server, Math.min(answerMs, Math.max(pauseMs, end - performance.now())))
    const left = end - performance.now()
    if (problem === undefined || left <= 0) return problem
    await setTimeout(Math.min(pauseMs, left))
  }
}

/**
 * @param ms limit for the whole answer: a server that sends byte after byte, or interim answers, is never
 * idle
 */
async function problemOf(server: URL, ms: number): Promise<string | undefined> {
  // The UI's nginx does not verify the server either.
  const options = { path: '/v1', agent: false, rejectUnauthorized: false } as const
  const request = send(server, { ...options, headers: { host: server.host, accept: 'application/json' } })
  const cancel = systemClock.setTimer(ms, () =>
    request.destroy(new Error(`no answer within ${Math.round(ms / 1_000)} s`)),
  )
  try {
    const response = once(request, 'response') as Promise<[IncomingMessage]>
    request.end()
    const [answer] = await response
    return notLonghorn(answer.statusCode ?? 0, answer.headers.location, await beginningOf(answer))
  } catch (error) {
    const advice =
      server.protocol === 'http:' && mayNeedTls(error)
        ? '. If it speaks https, its address begins with https://'
        : ''
    return `${inWords(error)}${advice}`
  } finally {
    cancel()
    request.destroy()
  }
}

/** Longhorn's answer has a few kilobytes; this is the limit in characters. */
const longestAnswer = 1_000_000

async function beginningOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  const chunks: AsyncIterable<unknown> = answer.setEncoding('utf8')
  for await (const chunk of chunks) {
    text += String(chunk)
    if (text.length > longestAnswer) break
  }
  return text
}

const parseVersion = parser(
  Type.Object({ type: Type.Literal('apiVersion'), id: Type.Literal('v1') }),
  (raw) => raw,
)

/**
 * Describes a server that is not Longhorn's REST API, which describes its version v1 at /v1 (longhorn.md §5).
 *
 * @returns undefined if it is Longhorn's
 */
function notLonghorn(status: number, location: string | undefined, text: string): string | undefined {
  const at = location === undefined ? '' : ` and sends on to ${location}`
  if (status < 200 || status > 299) return `GET /v1 returned ${status}${at}`
  if (isPage(text)) return 'GET /v1 returned a page for a browser'
  let described: unknown
  try {
    described = JSON.parse(text)
  } catch {
    // The server does not describe an API.
    return 'GET /v1 returned no JSON'
  }
  return parseVersion(described).ok ? undefined : 'GET /v1 returned other JSON than Longhorn’s REST API does'
}

/** The UI's container, and the variable with the server that its nginx asks, as in Longhorn's own chart. */
const container = 'longhorn-ui'
const variable = 'LONGHORN_MANAGER_IP'

/** The Deployment of the UI. */
interface UiDeployment {
  readonly namespace: string
  readonly deployment: string
}

/** The server that the UI asks. */
interface PointedUi {
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
              env: optional(Type.Array(Type.Object({ name: Type.String(), value: optional(Type.String()) }))),
            }),
          ),
        }),
      }),
    }),
  }),
  (raw) => raw.spec.template.spec.containers,
)

/**
 * Points Longhorn's UI at another server. It writes one variable only, so it can run again and again.
 *
 * @param target without a path: the UI's nginx appends its own
 * @param from changes the UI only if it asks this server; any if undefined
 * @returns the server that it asks now, and whether that is new
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer
 */
async function pointUi(
  connection: Connection,
  { namespace, deployment }: UiDeployment,
  target: URL,
  from?: URL,
): Promise<PointedUi> {
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments/${encodeURIComponent(deployment)}`
  // Each answer has a limit, and so has a sign-in before it.
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
