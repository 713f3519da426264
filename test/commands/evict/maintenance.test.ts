import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { guardSandbox } from '../../../src/commands/sandbox/guard-sandbox.ts'
import type { ClusterObject } from '../../../src/sandbox/cluster-client.ts'
import { readImage } from '../../../src/sandbox/controllers/objects.ts'
import { resources } from '../../../src/sandbox/controllers/resources.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { run, start } from '../holdfast.ts'

const namespace = 'longhorn-system'
const quick = { drainMs: 60, copyMs: 60, rebuildMs: 60, syncMs: 50, restartMs: 200 }

/** An embedded cluster of five nodes with a guard, and the command line of an operator. */
async function cluster(t: Test, release: string, settings = {}) {
  const sandbox = await embeddedCluster(t, { release, nodes: 5, images: 4, longhorn: quick })
  const guard = await guardSandbox(
    sandbox,
    { decided: () => undefined },
    process.stderr,
    new AbortController().signal,
    { settle: '200ms', ...settings },
  )
  t.teardown(() => guard.stop())
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  const env = { HOLDFAST_KUBECONFIG: kubeconfig }
  /** What stands in the spec of nodes. */
  const switches = (...names: readonly string[]) =>
    Promise.all(
      names.map(async (name) => switchesOf(await sandbox.client.get(resources.Node, namespace, name))),
    )
  /** Where each image has copies. */
  const copies = async () => (await sandbox.client.list(resources.BackingImage, namespace)).map(readImage)
  const holdfast = (command: string, input = '') => run(command.split(' '), env, input)
  const started = (command: string) => start(command.split(' '), env)
  return { sandbox, holdfast, started, switches, copies, folder, env }
}

/** `node-1 closed flagged` */
function switchesOf(object: ClusterObject | undefined): string {
  const { allowScheduling, evictionRequested } = Object(object?.spec) as Record<string, unknown>
  const name = object?.metadata.name ?? ''
  return `${name} ${allowScheduling === true ? 'open' : 'closed'} ${evictionRequested === true ? 'flagged' : '-'}`
}

for (const release of ['v1.7.3', 'v1.8.1', 'v1.10.0']) {
  t.test(`from plan to back in service in three commands on ${release}`, async (t) => {
    const { sandbox, holdfast, switches, copies } = await cluster(t, release)
    const plan = await holdfast('plan node-1 node-2 node-3 -o json')
    t.equal(plan.code, 0, plan.stderr)
    t.ok((JSON.parse(plan.stdout) as { batches: unknown[] }).batches.length > 1, 'more than one batch')
    const evicted = await holdfast('evict --plan -', plan.stdout)
    t.equal(evicted.code, 0, evicted.stderr)
    t.strictSame(await switches('node-1', 'node-2', 'node-3', 'node-4'), [
      'node-1 closed -',
      'node-2 closed -',
      'node-3 closed -',
      'node-4 open -',
    ])
    const homes = ['node-4', 'node-5'].flatMap((node) =>
      ['disk-1', 'disk-2'].map((disk) => sandbox.cluster.uuidOf(`${node}/${disk}`)),
    )
    for (const { name, specs } of await copies()) {
      t.ok(specs.size > 0, `${name} has a copy`)
      t.ok(
        [...specs.keys()].every((uuid) => homes.includes(uuid)),
        `${name} is elsewhere`,
      )
    }
    const [, advised = ''] = /To put back in service: holdfast (reopen .*)\n$/.exec(evicted.stderr) ?? []
    const reopened = await holdfast(advised)
    t.equal(reopened.code, 0, reopened.stderr)
    t.strictSame(await switches('node-1', 'node-2', 'node-3'), [
      'node-1 open -',
      'node-2 open -',
      'node-3 open -',
    ])
    t.strictSame(sandbox.longhorn.crashes, [])
  })
}

t.test('nodes are emptied in batches, one after the other, and the command prints the order', async (t) => {
  const { sandbox, holdfast } = await cluster(t, 'v1.8.0')
  const done = await holdfast('evict node-1 node-2 node-3 --batch-size 1')
  t.equal(done.code, 0, done.stderr)
  t.match(done.stderr, 'closing for scheduling first, so that nothing moves twice: node-1, node-2, node-3')
  const batches = [...done.stderr.matchAll(/^batch: (\S+?)(?:,.*)?$/gm)].map(([, node]) => node)
  t.strictSame(batches.toSorted(), ['node-1', 'node-2', 'node-3'])
  const [first = ''] = batches
  const lastOfFirst = done.stderr.indexOf(`node ${first}: done`)
  const others = batches.slice(1).map((node) => done.stderr.indexOf(`node ${node ?? ''}: closing`))
  t.ok(lastOfFirst > 0 && others.every((at) => at > lastOfFirst), 'the next begins once the first is empty')
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('several nodes go within the budget of the guard, where flags stay up too', async (t) => {
  const { sandbox, holdfast } = await cluster(t, 'v1.10.0', { maxFlaggedNodes: 1 })
  let most = 0
  const flagged = new Map<string, boolean>()
  sandbox.api.subscribe(resources.Node, ({ object }) => {
    flagged.set(object.metadata.name, switchesOf(object).endsWith('flagged'))
    most = Math.max(most, [...flagged.values()].filter(Boolean).length)
  })
  const done = await holdfast('evict node-1 node-2 node-3')
  t.equal(done.code, 0, done.stderr)
  t.equal(most, 1)
})

t.test('it is interrupted at each of its steps, and taken up again', async (t) => {
  for (const release of ['v1.8.0', 'v1.10.0']) {
    const { sandbox, holdfast, started } = await cluster(t, release)
    const stopped = new Set<string>()
    for (;;) {
      const running = started('evict node-1 node-2 node-3')
      let advised = ''
      running.stderr.on('data', (chunk: Buffer) => {
        advised += chunk.toString()
        const steps = advised.match(
          /closing for scheduling first|closing the disks|move \d|ready copy elsewhere|clearing it|remove the copies/g,
        )
        const fresh = steps?.find((step) => !stopped.has(step))
        if (fresh === undefined) return
        stopped.add(fresh)
        running.kill('SIGINT')
      })
      const code = await running.exit
      if (code === 0) break
      t.equal(code, 1, advised)
      t.match(advised, /Interrupted\. Go on with: holdfast evict node-1 node-2 node-3 /)
    }
    t.ok(stopped.size > 3, [...stopped].join(', '))
    t.match(await holdfast('evict node-1 node-2 node-3'), { code: 0 }, 'and again')
    t.strictSame(sandbox.longhorn.crashes, [])
  }
})

t.test('a dry run prints the batches, and writes nothing', async (t) => {
  const { holdfast, switches } = await cluster(t, 'v1.8.0')
  const dry = await holdfast('evict node-1 node-2 --dry-run')
  t.match(dry, { code: 0, stderr: /would close for scheduling first.*: node-1, node-2\n/ })
  t.match(dry.stderr, /node node-1: would close the disks/)
  t.notMatch(dry.stderr, 'To put back in service')
  t.strictSame(await switches('node-1', 'node-2'), ['node-1 open -', 'node-2 open -'])
})

t.test('nothing is written if no order keeps the copies, and the images are named', async (t) => {
  const { holdfast, switches } = await cluster(t, 'v1.8.0')
  const none = await holdfast('evict node-1 node-2 node-3 node-4 node-5')
  t.match(none, { code: 1, stderr: /backing image \S+ has to keep/ })
  t.strictSame(await switches('node-1', 'node-5'), ['node-1 open -', 'node-5 open -'])
})

t.test(
  'a file that is no plan, or a plan that cannot be carried out in one go, is an error, and nothing begins',
  async (t) => {
    const { holdfast } = await cluster(t, 'v1.8.0')
    const plan = async (text: string) => await holdfast('evict --plan -', text)
    t.match(await plan(''), { code: 2, stderr: /standard input is no plan: .*Make one with: holdfast plan/ })
    t.match(await plan('a: ['), { code: 2, stderr: /standard input: line 1: / })
    t.match(await plan('kind: Node'), { code: 2, stderr: /is no plan/ })
    const made = { apiVersion: 'holdfast.dev/v1', kind: 'EvictionPlan' }
    const impossible = { ...made, possible: false, problems: ['i has to keep a copy'] }
    t.match(await plan(JSON.stringify(impossible)), {
      code: 2,
      stderr: /there is no order: i has to keep a copy/,
    })
    const unknown = { ...made, possible: true, batches: [{ nodes: ['node-7'] }] }
    t.match(await plan(JSON.stringify(unknown)), {
      code: 2,
      stderr: /There is no Longhorn node node-7\. There are: node-1, /,
    })
    t.match(await plan(JSON.stringify({ ...made, possible: true, batches: [] })), {
      code: 2,
      stderr: /has no node/,
    })
    const rolling = await holdfast('plan node-1 node-2 --reopen -o yaml')
    t.match(await plan(rolling.stdout), {
      code: 2,
      stderr: /one by one, with holdfast reopen in between:\n {2}holdfast evict node-/,
    })
    t.match(await holdfast('evict --plan /nonexistent'), {
      code: 2,
      stderr: /cannot read the plan \/nonexistent/,
    })
    t.match(await holdfast('evict'), { code: 2, stderr: /Name a Longhorn node, or give a plan with --plan/ })
    t.match(await holdfast('evict node-1 --plan x'), { code: 2, stderr: /--plan names the nodes/ })
    t.match(await holdfast('evict node-1 node-2 --disk disk-1'), {
      code: 2,
      stderr: /--disk is about one node/,
    })
  },
)

t.test('a plan ends with the commands that carry it out', async (t) => {
  const { holdfast } = await cluster(t, 'v1.8.0')
  const once = await holdfast('plan node-1 node-2 --batch-size 1')
  t.match(
    once.stdout,
    /^Commands:\n {2}holdfast evict node-\d node-\d --batch-size 1 .*\n {2}holdfast reopen node-\d node-\d .*\n$/m,
  )
  const rolling = await holdfast('plan node-1 node-2 --reopen --batch-size 1')
  t.match(rolling.stdout, /^Commands:\n( {2}holdfast evict (node-\d) .*\n {2}holdfast reopen \2 .*\n){2}$/m)
})

t.test('an empty node that is open is closed, and a timeout prints the command to go on with', async (t) => {
  const { holdfast, switches } = await cluster(t, 'v1.8.0')
  await holdfast('evict node-5')
  await holdfast('reopen node-5')
  const again = await holdfast('evict node-5')
  t.match(again, { code: 0, stderr: /nothing is left: closing it for scheduling, so that nothing new comes/ })
  t.match(again.stderr, /Closed for scheduling: node-5\. To put back in service: holdfast reopen node-5/)
  t.strictSame(await switches('node-5'), ['node-5 closed -'])
  const late = await holdfast('evict node-1 node-2 --unguarded --batch-size 1 --timeout 1ms')
  t.match(late.stderr, /Go on with: holdfast evict node-1 node-2 --batch-size 1 --unguarded/)
})
