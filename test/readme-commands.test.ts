import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type Block, blocksOf, pages } from './docs/pages.ts'
import { shellIn, type Started } from './docs/shell.ts'
import { withoutKubectl as skip } from './fixtures/kubectl.ts'

/**
 * Commands that cannot run on the embedded cluster: the project's own scripts, the image, and commands for pods, Roles and
 * the chart, which the end-to-end tests run on a real one. test/docs/elsewhere.test.ts checks each.
 */
const elsewhere = /^ *(npm |docker |helm |kubectl get role,rolebinding )/m

/** The pages whose commands are run, in their order: the first starts the guard that the others count on. */
const first = ['docs/install.md', 'docs/operate.md', 'docs/audit.md', 'docs/proxies.md']
const others = pages.filter((page) => /^(README\.md|docs|examples)/.test(page) && !first.includes(page))

/** The parts of a block that run by themselves: each is a script. */
function partsOf(script: string): string[] {
  const isByLine = [...goingOn, ...exitCodes].some(([which]) => which.test(script))
  return isByLine ? script.trimEnd().split('\n') : [script]
}

/** The scripts of blocks. Runbooks tell the same commands again and again: there each line runs once. */
function commandsOf(blocks: readonly Block[]): string[] {
  const listed = new Set<string>()
  return blocks.flatMap(({ page, text }) => {
    if (elsewhere.test(text)) return []
    if (!page.startsWith('docs/runbooks')) return partsOf(text)
    const lines = text.trimEnd().split('\n')
    const fresh = lines.filter((line) => !listed.has(line))
    for (const line of fresh) listed.add(line)
    return fresh
  })
}

/** A command that goes on until it is interrupted, once it has said this. */
const goingOn: readonly [RegExp, RegExp][] = [
  [/ serve --host/, /every Longhorn object is read/],
  [/ proxy (longhorn|kubernetes) /, /every Longhorn object is read/],
  [/ status --watch/, /^node-1 /m],
  [/ audit .*--follow/, /"verdict"|evicting|removing/],
]

/** Where something is amiss, and is meant to be: the embedded cluster has no Deployment of the guard. */
const exitCodes: readonly [RegExp, number][] = [[/ doctor\b/, 1]]

/** The ports that a server logs when it listens. */
function portsIn(log: string): Record<'port' | 'healthPort' | 'operatorPort', number> {
  const line = log.split('\n').find((each) => each.includes('"msg":"listening"')) ?? '{}'
  return JSON.parse(line) as Record<'port' | 'healthPort' | 'operatorPort', number>
}

t.test('every command of README and docs works, one after the other', { skip }, async (t) => {
  const { sandbox, folder, replaced, start } = await shellIn(t.testdir(), t, {
    nodes: 4,
    longhorn: { drainMs: 500 },
  })
  const blocks = [...first, ...others].flatMap(blocksOf).filter(({ language }) => language === 'sh')
  const commands = commandsOf(blocks)
  let ran = 0
  const serving: Started[] = []
  t.teardown(async () => {
    for (const each of serving) each.signal('SIGINT')
    for (const each of serving) await each.ended
  })
  for (const command of commands) {
    // Instead of the one that is there already.
    if (command.includes('sandbox --bare')) continue
    await writeFile(join(folder, 'serve.log'), serving[0]?.output() ?? '')
    const running = start(command)
    ran += 1
    const until = goingOn.find(([which]) => which.test(command))?.[1]
    if (until) await running.said(until)
    if (/ serve --host| proxy (longhorn|kubernetes) /.test(command)) {
      serving.push(running)
      const ports = portsIn(running.output())
      if (command.includes(' proxy kubernetes')) replaced.push(['127.0.0.1:8001', `127.0.0.1:${ports.port}`])
      if (command.includes(' proxy ')) continue
      replaced.push(
        ['127.0.0.1:8443', `127.0.0.1:${ports.port}`],
        ['127.0.0.1:8080', `127.0.0.1:${ports.healthPort}`],
        [
          'kubectl logs --namespace holdfast -l app.kubernetes.io/instance=holdfast --prefix --tail=-1',
          'cat serve.log',
        ],
      )
      continue
    }
    if (until) running.signal('SIGINT')
    const code = await running.ended
    const wanted = exitCodes.find(([which]) => which.test(command))?.[1] ?? 0
    t.equal(code, wanted, `${command}\n${running.output()}`)
    // A schema speaks of what could not be judged.
    if (!command.includes(' schema '))
      t.notMatch(running.output(), /not shown|cannot be asked|could not be|not served/, command)
  }
  t.ok(ran > 23, `${ran} commands`)
  t.strictSame(sandbox.longhorn.crashes, [])
})
