import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { bind } from '../../../src/doors/proxy/kubernetes/bind.ts'
import { KubernetesDoor } from '../../../src/doors/proxy/kubernetes/door.ts'
import { dryRunOf } from '../../../src/doors/proxy/kubernetes/dry-run.ts'
import { readSaid } from '../../../src/doors/proxy/longhorn/body.ts'
import type { Call } from '../../../src/doors/proxy/longhorn/call.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { membersOf } from '../../../src/json/text.ts'
import { kinds } from '../../../src/longhorn/kinds.ts'
import { anyJson, anyObject } from '../../fixtures/any-json.ts'
import { disk, rawNode } from '../../fixtures/raw-objects.ts'
import { depth } from '../../fixtures/thorough.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

/** More than JavaScript's numbers can tell from their neighbours. */
const digits = '9007199254740993'
const reserved = `{"path":"/d","allowScheduling":true,"evictionRequested":false,"storageReserved":${digits}}`
const raw = rawNode('n1', [disk('d1')], { metadata: { resourceVersion: '7' } })

function node() {
  const parsed = kinds.Node.parse(raw)
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** A proxy that admits everything, and the bodies that reached its upstream. */
async function proxied(t: Test, api: 'kubernetes' | 'longhorn') {
  const bodies: string[] = []
  const modules = { ...unasked, ...admitting().modules, read: () => Promise.resolve(node()) }
  const { url } = await beforeUpstream(
    t,
    (request, response) =>
      void text(request).then((body) => {
        bodies.push(body)
        response.end(JSON.stringify(raw))
      }),
    ({ ask }) =>
      api === 'kubernetes'
        ? new KubernetesDoor(
            { longhornNamespace: 'longhorn-system', holdMs: 0 },
            { ...modules, whoIs: ann, ask },
          )
        : new LonghornDoor({ holdMs: 0, userHeader: undefined }, modules),
  )
  return { url, bodies }
}

const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1'

const writes: readonly (readonly [type: string, method: string, body: string, passed: string])[] = [
  [
    'application/merge-patch+json',
    'PATCH',
    `{ "spec": {"disks":{"d1":${reserved}}} }`,
    `{ "spec": {"disks":{"d1":${reserved}}},"metadata":{"resourceVersion":"7"} }`,
  ],
  [
    'application/merge-patch+json',
    'PATCH',
    `{"metadata":{"labels":{"ä":"é"}},"spec":{"disks":{"d1":${reserved}}}}`,
    `{"metadata":{"labels":{"ä":"é"},"resourceVersion":"7"},"spec":{"disks":{"d1":${reserved}}}}`,
  ],
  [
    'application/json-patch+json',
    'PATCH',
    `[{"op":"add","path":"/spec/disks/d1/storageReserved","value":${digits}}]`,
    `[{"op":"test","path":"/metadata/resourceVersion","value":"7"},{"op":"add","path":"/spec/disks/d1/storageReserved","value":${digits}}]`,
  ],
  [
    'application/json',
    'PUT',
    `{"metadata":{"resourceVersion":""},"spec":{"disks":{"d1":${reserved}}}}`,
    `{"metadata":{"resourceVersion":"7"},"spec":{"disks":{"d1":${reserved}}}}`,
  ],
]

for (const [type, method, body, passed] of writes) {
  t.test(`a ${method} of ${type} reaches the API server digit by digit: ${body.slice(0, 20)}…`, async (t) => {
    const { url, bodies } = await proxied(t, 'kubernetes')
    const answer = await fetch(url + path, { method, body, headers: { 'content-type': type } })
    t.equal(answer.status, 200)
    t.strictSame(bodies, [body, passed])
  })
}

t.test('a disk update reaches Longhorn digit by digit, each name once', async (t) => {
  const { url, bodies } = await proxied(t, 'longhorn')
  const disks = `{"d1":${reserved}, "d1": {"Path":"/x","path":"/d","storagereserved":${digits},"evictionRequested":false}}`
  const answer = await fetch(`${url}/v1/nodes/n1?action=diskUpdate`, {
    method: 'POST',
    body: `{"x":1e400,"DISKS":{},"disks":${disks}}`,
  })
  t.equal(answer.status, 200)
  t.strictSame(bodies, [
    `{"x":1e400,"disks":{"d1":{"path":"/d","storageReserved":${digits},"evictionRequested":false}}}`,
  ])
})

const runs = { numRuns: depth(1_000, 100_000) }
const resourceVersion = '7'

t.test('a bound body is the original text except the version', (t) => {
  const merge = { method: 'PATCH', hasQuery: false, contentType: 'application/merge-patch+json' } as const
  const patch = { ...merge, contentType: 'application/json-patch+json' }
  fc.assert(
    fc.property(anyObject, fc.array(anyJson, { maxLength: 3 }), (object, list) => {
      const { body, by } = bind(Buffer.from(object), { ...merge, resourceVersion })
      const metadata = membersOf(object)?.findLast(({ name }) => name === 'metadata')
      const version = membersOf(metadata?.value ?? '{}')?.findLast(({ name }) => name === 'resourceVersion')
      if (by === 'client') return version !== undefined && body.toString() === object
      const read = JSON.parse(body.toString()) as { metadata: { resourceVersion: string } }
      const kept = membersOf(object)?.filter((member) => member.at !== metadata?.at)
      const passed = membersOf(body.toString())?.map(({ name, value }) => `${name}:${value}`)
      const whole = kept?.every(({ name, value }) => passed?.includes(`${name}:${value}`))
      const operations = `[${list.join()}]`
      const tested = bind(Buffer.from(operations), { ...patch, resourceVersion }).body.toString()
      return whole === true && read.metadata.resourceVersion === '7' && tested.endsWith(operations.slice(1))
    }),
    runs,
  )
  t.end()
})

t.test('a call of Longhorn’s REST API keeps its numbers digit by digit', (t) => {
  const call: Call = { call: 'disk-update', kind: 'Node', name: 'n1' }
  fc.assert(
    fc.property(anyObject, anyJson, (object, value) => {
      const { body } = readSaid(call, Buffer.from(`{"a":${object},"n":${value}}`))
      return body?.toString() === `{"a":${object},"n":${value}}`
    }),
    runs,
  )
  t.end()
})

t.test('the options of a delete keep their values, and a null binds nothing', (t) => {
  const bound = (body: string) =>
    bind(Buffer.from(body), { method: 'DELETE', hasQuery: false, contentType: undefined, resourceVersion })
  const named = '"apiVersion":"v1","kind":"DeleteOptions"'
  for (const preconditions of ['{"resourceVersion":null}', 'null', '{}']) {
    const made = bound(`{${named},"gracePeriodSeconds":${digits},"preconditions":${preconditions}}`)
    t.equal(made.by, 'proxy', preconditions)
    t.equal(
      made.body.toString(),
      `{${named},"gracePeriodSeconds":${digits},"preconditions":{"resourceVersion":"7"}}`,
    )
  }
  t.equal(bound('{"preconditions":{"resourceVersion":"3"}}').by, 'client')
  t.equal(bound('{"preconditions":{"resourceVersion":""}}').by, 'client', 'no object has this version')
  t.equal(bound('kind: DeleteOptions').by, 'nobody')
  const write = { kind: 'Node', namespace: 'longhorn-system', name: 'n1', method: 'DELETE' } as const
  const dry = dryRunOf(
    write,
    '/x',
    Buffer.from(`{"dryRun":["All"],"gracePeriodSeconds":${digits},"dryRun":null}`),
  )
  t.equal(dry?.asked, false, 'the last of several counts')
  t.equal(dry?.body.toString(), `{"dryRun":["All"],"gracePeriodSeconds":${digits},"dryRun":["All"]}`)
  t.end()
})
