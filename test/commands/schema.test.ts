import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import type { Static } from 'typebox'
import { parse } from 'yaml'
import type { EvictionStep } from '../../src/commands/evict/next-step.ts'
import type { RescueStep } from '../../src/rules/rescue/next-step.ts'
import { guardSandbox } from '../../src/commands/sandbox/guard-sandbox.ts'
import { type SchemaName, schemaNames, schemaOf } from '../../src/commands/schema/command.ts'
import type { RescueStepSchema } from '../../src/commands/schema/rescue-step.ts'
import type { EvictionStepSchema, StatusSchema } from '../../src/commands/schema/schemas.ts'
import { observe } from '../../src/commands/status/observe.ts'
import type { Status } from '../../src/commands/status/status.ts'
import { layerFromFile } from '../../src/configuration/layer.ts'
import { rescueAnnotation } from '../../src/longhorn/rescue-note.ts'
import { noon, cluster as world } from '../fixtures/cluster.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { reservation } from '../gate/reservation-book-contract.ts'
import { run } from './holdfast.ts'

/** The same type, with nothing that is read-only. */
type Mutable<T> = { -readonly [K in keyof T]: Mutable<T[K]> }

/** The compiler compares the schemas with the types of the documents. */
export const sameTypes = {
  status: (document: Mutable<Status>): Static<typeof StatusSchema> => document,
  step: (name: EvictionStep['step']): Static<typeof EvictionStepSchema>['step'] => name,
  stepBack: (name: Static<typeof EvictionStepSchema>['step']): EvictionStep['step'] => name,
  rescue: (step: Mutable<RescueStep>): Pick<Static<typeof RescueStepSchema>, 'step'> => step,
  rescueBack: (name: Static<typeof RescueStepSchema>['step']): RescueStep['step'] => name,
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** Checks documents against a schema in which no object has a field that the schema does not name. */
function checker(name: SchemaName, isClosed = true): (document: unknown) => string[] {
  const ajv = new Ajv({ allErrors: true, strict: false, logger: false, formats: { 'date-time': rfc3339 } })
  const schema = JSON.parse(JSON.stringify(schemaOf(name))) as object
  const validate = ajv.compile(isClosed ? closed(schema) : schema)
  return (document) =>
    validate(document) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

/** An object without any property is one that the schema leaves open. */
function closed(schema: object): object {
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) => [
      key,
      Array.isArray(value)
        ? value.map((each: unknown) => (isObject(each) ? closed(each) : each))
        : isObject(value)
          ? closed(value)
          : value,
    ]),
  )
  const { properties, type } = copy as { properties?: object; type?: unknown }
  const isNamed = type === 'object' && properties !== undefined && Object.keys(properties).length > 0
  return isNamed ? { ...copy, additionalProperties: false } : copy
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

async function cluster(t: Test, release: string) {
  const sandbox = await embeddedCluster(t, { release, longhorn: { drainMs: 50, restartMs: 200 } })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  return ['--kubeconfig', kubeconfig]
}

t.test('each schema is printed, with a description', async (t) => {
  for (const name of schemaNames) {
    const { code, stdout } = await run(['schema', name])
    t.equal(code, 0)
    t.match(JSON.parse(stdout), { $schema: /draft-07/, $id: /^holdfast\.dev\//, title: /./ }, name)
    t.strictSame(JSON.parse(stdout), JSON.parse(JSON.stringify(schemaOf(name))))
  }
  t.match(await run(['schema', 'plan']), {
    code: 2,
    stderr: /Allowed choices are config, status, version, snapshot/,
  })
})

t.test('the output of status, snapshot and evict has the form that the schemas describe', async (t) => {
  const at = await cluster(t, 'v1.10.0')
  const status = checker('status')
  t.strictSame(status(JSON.parse((await run(['status', '-o', 'json', ...at])).stdout)), [])
  const snapshot = checker('snapshot')
  const { stdout } = await run(['snapshot', '-o', 'json', ...at])
  t.strictSame(snapshot(JSON.parse(stdout)), [])
  t.not(snapshot({ ...(JSON.parse(stdout) as object), kind: 'Status' }).length, 0)
  const step = checker('eviction-step', false)
  const evicted = await run(['evict', 'node-2', '--timeout', '10m', '-o', 'json', ...at])
  const steps = evicted.stdout.trimEnd().split('\n')
  t.ok(steps.length > 3)
  for (const line of steps) t.strictSame(step(JSON.parse(line)), [], line)
  t.not(step({ ...(JSON.parse(steps[0] ?? '') as object), step: 'fly' }).length, 0)
})

t.test('a status with all that can be wrong has the form that its schema describes', (t) => {
  const { map } = world('v1.8.0')
    .node('n1', [disk('d1', { evictionRequested: true }), disk('d2')])
    .node('n2', [disk('d3'), disk('d4', { diskUUID: 'uuid-d1' })], {
      metadata: { annotations: { [rescueAnnotation]: '{"node":true,"disks":["d3"],"at":"","by":"ann"}' } },
    })
    .image('ubuntu', [pending('d1'), ready('d3')])
    .image('lost', [ready('d9')])
  const status: Status = observe({
    map,
    entries: [{ key: 'n2', version: '1', reservations: [reservation('r')] }],
    guard: [
      {
        replica: 'a',
        version: '1',
        synced: true,
        holds: 2,
        mode: 'enforce',
        release: null,
        settle: undefined,
        pendingCleanups: [],
        settling: [],
      },
    ],
    now: noon,
    timeOfDay: noon,
    watchingSince: noon,
    only: new Set(),
  })
  t.ok(status.imagesNowhere.length > 0 && status.sharedDisks.length > 0 && status.reservations?.length)
  const check = checker('status')
  t.strictSame(check(JSON.parse(JSON.stringify(status))), [])
  t.not(check({ ...status, nodes: [{ name: 'n1' }] }).length, 0)
  t.end()
})

t.test('records have the form that the schema of the audit describes', async (t) => {
  const sandbox = await embeddedCluster(t)
  const auditFile = join(t.testdir(), 'audit.log')
  const nothing = { decided: () => undefined }
  const guard = await guardSandbox(sandbox, nothing, process.stderr, new AbortController().signal, {
    auditFile,
  })
  t.teardown(() => guard.stop())
  for (const annotations of [{}, { 'holdfast.dev/override': 'the image is not needed' }]) {
    await fetch(
      `${sandbox.api.url}/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backingimages/debian-12`,
      {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ metadata: { annotations }, spec: { diskFileSpecMap: null } }),
      },
    )
  }
  const records = (await readFile(auditFile, 'utf8')).trimEnd().split('\n')
  t.match(
    records.map((record) => JSON.parse(record) as unknown),
    [{ verdict: 'refuse', findings: [{ rule: 'last-usable-copy' }] }, { override: { reason: /not needed/ } }],
  )
  const check = checker('audit')
  for (const record of records) t.strictSame(check(JSON.parse(record)), [], record)
})

t.test('the schema of the configuration accepts the settings of serve, and no others', (t) => {
  const check = checker('config')
  const files: [yaml: string, isGood: boolean][] = [
    ['stuckAfter: 10m\nrules: { below-min-copies: warn, no-eviction-target: off }\n', true],
    ['overrideGroups: [storage-admins]\nmaxFlaggedNodes: 2\nauditLog: off\n', true],
    ['halthPort: 1\n', false],
    ['stuckAfter: soon\n', false],
    ['mode: loud\n', false],
    ['rules: { copy-in-us: warn }\n', false],
  ]
  for (const [yaml, isGood] of files) {
    t.equal(check(parse(yaml)).length === 0, isGood, yaml)
    t.equal(layerFromFile(yaml, 'holdfast.yaml').ok, isGood, yaml)
  }
  t.end()
})
