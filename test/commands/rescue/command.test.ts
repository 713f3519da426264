import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { schemaOf } from '../../../src/commands/schema/command.ts'
import { kubeconfigFor } from '../../../src/sandbox/sandbox.ts'
import { rawImage, rawNode } from '../../fixtures/raw-objects.ts'
import { FakeApiServer } from '../../kubernetes/fake-api-server.ts'
import { comesTrue, commandIn } from '../guarded-cluster.ts'
import { run } from '../holdfast.ts'
import { type Answers, forbidden, inFront } from '../in-front.ts'
import { crashing } from './rescued-cluster.ts'

async function at(t: Test, url: string): Promise<string[]> {
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(url, 'default'))
  return ['--kubeconfig', kubeconfig]
}

t.test('a rescue prints its steps for people and for programs, and ends with a code', async (t) => {
  const { url, drain, annotation, flagsOf } = await crashing(t, 'v1.9.0')
  const cluster = await at(t, url)
  t.match(await run(['rescue', 'node-9', ...cluster]), {
    code: 2,
    stderr: /^holdfast: There is no Longhorn node node-9\. There are: node-1, node-2, node-3\n$/,
  })
  t.match(await run(['rescue', '--timeout', 'soon', ...cluster]), { code: 2, stderr: /5m or 1h/ })
  const late = await run(['rescue', 'node-1', '--timeout', '1ms', ...cluster])
  t.match(late, {
    code: 1,
    stderr: /The time is up\. Go on with: holdfast rescue node-1 --kubeconfig \S+\n$/,
  })
  t.strictSame(await flagsOf('node-1'), ['disk-1'])
  const goOn = commandIn(late.stderr, /rescue node-1 --kubeconfig \S+$/m).split(' ')
  const [{ code, stdout, stderr }] = await Promise.all([
    run([...goOn, '--leave-cleared', '-o', 'json']),
    comesTrue(async () => (await annotation()) !== undefined).then(() => drain('node-1')),
  ])
  t.equal(code, 0, stderr)
  t.match(stderr, /^Longhorn v1\.9\.0 crashes the longhorn-manager of a node while a clean-up is pending/)
  t.match(stderr, /Rescued: no eviction meets a clean-up on these nodes any more\.\n$/)
  const isStep = new Ajv({ strict: false }).compile(
    JSON.parse(JSON.stringify(schemaOf('rescue-step'))) as object,
  )
  const lines = stdout.trimEnd().split('\n')
  for (const line of lines) t.ok(isStep(JSON.parse(line)), `${line}: ${JSON.stringify(isStep.errors)}`)
  t.match(JSON.parse(lines[0] ?? ''), {
    kind: 'RescueStep',
    node: 'node-1',
    step: 'clear',
    flags: { node: false, disks: ['disk-1'] },
  })
  t.match(JSON.parse(lines.at(-1) ?? ''), { step: 'done' })
  t.match(await run(['rescue', ...cluster]), { code: 0, stderr: /No manager is in danger\.\n$/ })
})

t.test('rescue does not call managers safe if an object cannot be read', async (t) => {
  const server = await FakeApiServer.start()
  t.teardown(() => server.down())
  const folder = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
  server.store.put(`${folder}/nodes`, rawNode('node-1', []))
  const odd = { diskFileSpecMap: { 'uuid-1': 'no object' } }
  server.store.put(`${folder}/backingimages`, { ...rawImage('odd', []), spec: odd })
  const { code, stderr } = await run(['rescue', ...(await at(t, server.url))])
  t.equal(code, 2, stderr)
  t.match(stderr, /cannot tell whether a manager is in danger: BackingImage odd cannot be read/)
})

t.test(
  'rescue reports that pods must not be read, and goes by Longhorn’s own state of its managers',
  async (t) => {
    const { url, annotation, drain, flagsOf } = await crashing(t, 'v1.8.0')
    const answers: Answers = (_, path) => (path.endsWith('/pods') ? forbidden('pods') : undefined)
    const kubeconfig = join(t.testdir(), 'kubeconfig')
    await writeFile(kubeconfig, await inFront(t, url, answers))
    const [{ code, stderr }] = await Promise.all([
      run(['rescue', '--leave-cleared', '--kubeconfig', kubeconfig]),
      comesTrue(async () => (await annotation()) !== undefined).then(() => drain('node-1')),
    ])
    t.equal(code, 0, stderr)
    t.match(stderr, /The pods of the managers cannot be looked at, .*User "ann" cannot do that/)
    t.strictSame(await flagsOf('node-1'), [])
  },
)

t.test(
  'a timeout of weeks is not over at once, and one that is over prints the command to go on with',
  async (t) => {
    const { url, drain, annotation } = await crashing(t, 'v1.8.0')
    const cluster = await at(t, url)
    const [{ code, stderr }] = await Promise.all([
      run(['rescue', '--timeout', '1000h', '--leave-cleared', ...cluster]),
      comesTrue(async () => (await annotation()) !== undefined).then(() => drain('node-1')),
    ])
    t.equal(code, 0, stderr)
    t.match(await run(['rescue', 'node-1', '--timeout', '1ms', '--leave-cleared', ...cluster]), {
      stderr: /Go on with: holdfast rescue node-1 --leave-cleared --kubeconfig /,
    })
  },
)
