import { text } from 'node:stream/consumers'
import t from 'tap'
import { commandIn } from '../commands/guarded-cluster.ts'
import { operator } from './operator.ts'

t.test('an eviction gets its nodes by name or from a plan, and a disk with one node', async (t) => {
  const { holdfast } = await operator(t)
  const none = await holdfast('evict')
  t.match(none, { code: 2, stderr: /Name a Longhorn node, or give a plan with --plan/ })
  t.match(await holdfast('evict node-1 --dry-run'), { code: 0 })
  const empty = await holdfast('evict --plan -')
  t.match(empty, {
    code: 2,
    stderr: /standard input is no plan: .*Make one with: holdfast plan NODE… -o json/,
  })
  const { stdout: plan } = await holdfast(
    commandIn(empty.stderr, /holdfast plan NODE… -o json/).replace('NODE…', 'node-1'),
  )
  t.match(await holdfast('evict --plan - --dry-run', plan), { code: 0 })
  t.match(await holdfast('evict node-2 --plan -', plan), {
    code: 2,
    stderr: /--plan names the nodes: leave out other nodes and --disk/,
  })
  for (const command of ['evict', 'reopen']) {
    t.match(await holdfast(`${command} node-1 node-2 --disk disk-1`), {
      code: 2,
      stderr: /--disk is about one node: name one/,
    })
    t.match(await holdfast(`${command} node-1 --disk disk-1 --dry-run`), { code: 0 })
  }
})

t.test('a plan with --reopen is carried out batch by batch, with the printed commands', async (t) => {
  const { holdfast } = await operator(t, 'v1.10.0')
  const plan = await holdfast('plan node-1 node-2 --reopen --batch-size 1 -o json')
  const refused = await holdfast('evict --plan -', plan.stdout)
  t.match(refused, { code: 2, stderr: /Run its batches one by one, with holdfast reopen in between:\n/ })
  const commands = [...refused.stderr.matchAll(/^ {2}(holdfast evict (\S+))$/gm)]
  t.equal(commands.length, 2)
  for (const [, evict = '', node = ''] of commands) {
    t.match(await holdfast(evict), { code: 0 })
    t.match(await holdfast(`reopen ${node}`), { code: 0, stderr: /back in service/ })
  }
})

t.test('a reopening that was interrupted goes on with the printed command', async (t) => {
  const { holdfast, started } = await operator(t, 'v1.10.0')
  t.match(await holdfast('evict node-2'), { code: 0 })
  const running = started('reopen node-2')
  running.kill('SIGINT')
  const [output, code] = await Promise.all([text(running.stderr), running.exit])
  t.equal(code, 1)
  t.match(output, 'Interrupted. Go on with: ')
  t.match(await holdfast(commandIn(output, /holdfast reopen node-2$/m)), {
    code: 0,
    stderr: /node node-2: back in service/,
  })
})
