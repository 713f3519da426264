import type http from 'node:http'
import t, { type Test } from 'tap'
import { KubernetesDoor } from '../../../src/doors/proxy/kubernetes/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { exchangeRaw } from './raw-request.ts'
import { unasked } from './unasked.ts'

/** An API that refuses dry runs, or breaks off its answers to them, and does whatever else it is asked. */
const withoutDryRuns =
  (breaksOff: boolean, written: string[]): http.RequestListener =>
  (request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const isDryRun = request.url?.includes('dryRun=All') === true || body.includes('"dryRun":["All"]')
      if (isDryRun && breaksOff)
        response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy())
      else response.writeHead(isDryRun ? 400 : 200).end('{}')
      if (!isDryRun) written.push(`${request.method} ${request.url}`)
    })
  }

/** Either proxy, of a guard that enforces its rules or only watches. */
async function proxied(t: Test, api: 'kubernetes' | 'longhorn', enforces: boolean, breaksOff = false) {
  const { modules, denied } = admitting()
  const read = () => Promise.reject(new Error('no answer'))
  const all = { ...unasked, ...modules, whoIs: ann, read, enforces }
  const written: string[] = []
  const proxy = await beforeUpstream(
    t,
    withoutDryRuns(breaksOff, written),
    ({ ask }) =>
      api === 'longhorn'
        ? new LonghornDoor({ holdMs: 0, userHeader: undefined }, all)
        : new KubernetesDoor({ longhornNamespace: 'longhorn-system', holdMs: 0 }, { ...all, ask }),
    { maxBodyBytes: 2_000_000 },
  )
  const send = async (line: string, body: string, type: string) => {
    const [method = '', target = ''] = line.split(' ')
    const bytes = Buffer.from(body)
    const headers = [`Content-Type: ${type}`]
    const answer = await exchangeRaw(proxy.port, 'x', {
      method,
      target,
      headers,
      body: { framing: 'length', bytes },
    })
    const said = answer.toString()
    const [, status] = said.split(' ')
    return { status: Number(status), said, warning: /\r\nwarning: 299 - "(.*)"\r\n/i.exec(said)?.[1] }
  }
  return { send, written, denied }
}

const of = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
const [merge, json, yaml] = ['application/merge-patch+json', 'application/json', 'application/yaml']
const raise = '{"allowScheduling":false,"evictionRequested":true}'
const raiseNode = `{"spec":${raise}}`

interface Case {
  readonly what: string
  readonly api: 'kubernetes' | 'longhorn'
  /** Method and target. */
  readonly line: string
  readonly body: string
  readonly type: string
  /** The status with which it is denied. */
  readonly denied: number
  /** True before an API that breaks off its answers to dry runs. */
  readonly breaksOff?: boolean
  /** The warning with which it passes where the guard only watches; undefined if it passes without one. */
  readonly warning: RegExp | undefined
}

const cases: readonly Case[] = [
  {
    what: 'a path that is read in different ways',
    api: 'kubernetes',
    line: `PATCH ${of}/nodes/n1//x`,
    body: raiseNode,
    type: merge,
    denied: 400,
    warning: /Servers read such a path in different ways/,
  },
  {
    what: 'a call of Longhorn’s REST API through the API server',
    api: 'kubernetes',
    line: 'PUT /api/v1/namespaces/longhorn-system/services/longhorn-backend:9500/proxy/v1/nodes/n1',
    body: raise,
    type: json,
    denied: 403,
    warning: /does not judge Longhorn's REST API through the API server/,
  },
  {
    what: 'a delete whose options are no JSON',
    api: 'kubernetes',
    line: `DELETE ${of}/nodes/n1`,
    body: 'x',
    type: 'application/vnd.kubernetes.protobuf',
    denied: 415,
    warning: /must be JSON/,
  },
  {
    what: 'a delete with more options than any needs',
    api: 'kubernetes',
    line: `DELETE ${of}/nodes/n1`,
    body: JSON.stringify({ propagationPolicy: 'x'.repeat(70_000) }),
    type: json,
    denied: 413,
    warning: /options of a delete are larger/,
  },
  {
    what: 'a delete with options that another webhook does not let anybody try',
    api: 'kubernetes',
    line: `DELETE ${of}/nodes/n1`,
    body: '{"propagationPolicy":"Background"}',
    type: json,
    // As the API server answers the dry run.
    denied: 400,
    warning: undefined,
  },
  {
    what: 'a delete with options whose dry run is not answered whole',
    api: 'kubernetes',
    line: `DELETE ${of}/nodes/n1`,
    body: '{"propagationPolicy":"Background"}',
    type: json,
    breaksOff: true,
    denied: 502,
    warning: undefined,
  },
  {
    what: 'a patch with more values than any needs',
    api: 'kubernetes',
    line: `PATCH ${of}/nodes/n1`,
    body: `{"spec":[${'0,'.repeat(60_000)}0]}`,
    type: merge,
    denied: 413,
    warning: /more than 50000 values/,
  },
  {
    what: 'a body that is too large to be judged',
    api: 'kubernetes',
    line: `PATCH ${of}/nodes/n1`,
    body: raiseNode.padEnd(2_000_001),
    type: merge,
    denied: 413,
    warning: /larger than any write of this kind/,
  },
  {
    what: 'a write that another webhook does not let anybody try',
    api: 'kubernetes',
    line: `PATCH ${of}/nodes/n1`,
    body: raiseNode,
    type: merge,
    // As the API server answers the dry run.
    denied: 400,
    warning: undefined,
  },
  {
    what: 'a write whose dry run is not answered whole',
    api: 'kubernetes',
    line: `PATCH ${of}/nodes/n1`,
    body: raiseNode,
    type: merge,
    breaksOff: true,
    denied: 502,
    warning: undefined,
  },
  {
    what: 'a body that is too large to be judged',
    api: 'longhorn',
    line: 'PUT /v1/nodes/n1',
    body: raise.padEnd(2_000_001),
    type: json,
    denied: 413,
    warning: /larger than any write of this kind/,
  },
  {
    what: 'a body with more values than any node has',
    api: 'longhorn',
    line: 'PUT /v1/nodes/n1',
    body: `{"tags":[${'0,'.repeat(60_000)}0]}`,
    type: json,
    denied: 413,
    warning: /more than 20000 values/,
  },
  {
    what: 'a body that is larger than any call needs',
    api: 'longhorn',
    line: 'PUT /v1/nodes/n1',
    body: raise.padEnd(1_048_577),
    type: json,
    denied: 413,
    warning: /larger than 1048576 bytes/,
  },
  {
    what: 'a body that is no JSON',
    api: 'longhorn',
    line: 'POST /v1/nodes/n1?action=diskUpdate',
    body: '{',
    type: yaml,
    denied: 400,
    warning: /cannot be read/,
  },
  {
    what: 'a write to an object that cannot be read',
    api: 'longhorn',
    line: 'PUT /v1/nodes/n1',
    body: raise,
    type: json,
    denied: 500,
    warning: /Node n1 cannot be read/,
  },
]

for (const { what, api, line, body, type, denied, breaksOff, warning } of cases) {
  t.test(`${what} is denied before ${api}, and passes where the guard only watches`, async (t) => {
    const strict = await proxied(t, api, true, breaksOff)
    t.equal((await strict.send(line, body, type)).status, denied)
    t.strictSame(strict.written, [])
    const lax = await proxied(t, api, false, breaksOff)
    const passed = await lax.send(line, body, type)
    t.equal(passed.status, 200)
    t.strictSame(lax.written, [line])
    if (warning) t.match(passed.warning, warning)
    t.strictSame(lax.denied, [], 'nothing is on record as denied')
  })
}

t.test('a target with a # is a 400 in every mode, and the sentence says why', async (t) => {
  for (const api of ['kubernetes', 'longhorn'] as const) {
    for (const enforces of [true, false]) {
      const { send, written } = await proxied(t, api, enforces)
      const line = api === 'longhorn' ? 'PUT /v1/nodes/n1#' : `PATCH ${of}/nodes/n1#`
      const { status, said } = await send(line, raise, json)
      t.equal(status, 400)
      t.match(said, /different ways. So the proxy does not forward it, even in mode warn/)
      t.strictSame(written, [])
    }
  }
})
