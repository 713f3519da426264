import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { commandLineServer } from './commands/command-line-server.ts'
import { chartObjects } from './fixtures/chart-objects.ts'
import { withoutKubectl as skip } from './fixtures/kubectl.ts'

/** What is not for the embedded cluster: the project's own scripts, the image and the chart, which the end-to-end tests install. */
const elsewhere = /^(npm |docker |helm )/m

/** The parts of a block that run by themselves: each is a script. */
function partsOf(script: string): string[] {
  const isByLine = [...goingOn, ...exitCodes].some(([which]) => which.test(script))
  return isByLine ? script.trimEnd().split('\n') : [script]
}

/** A command that goes on until it is interrupted, once it has said this. */
const goingOn: readonly [RegExp, RegExp][] = [
  [/ serve --host/, /every Longhorn object is read/],
  [/ proxy (longhorn|kubernetes) /, /every Longhorn object is read/],
  [/ status --watch/, /^node-1 /m],
  [/ audit .*--follow/, /"verdict"|UPDATE/],
]

/** Where something is amiss, and is meant to be: the embedded cluster has no Deployment of the guard. */
const exitCodes: readonly [RegExp, number][] = [[/ doctor /, 1]]

const anyPort = { HOLDFAST_HEALTH_PORT: '0', HOLDFAST_OPERATOR_PORT: '0' }

/** A shell in a folder where everything is that README's commands count on; the command line itself runs here. */
async function shell(t: Test) {
  const sandbox = await embeddedCluster(t, { nodes: 4, longhorn: { drainMs: 500 } })
  const folder = t.testdir({ manifests: {} })
  await mkdir(join(folder, 'dist'), { recursive: true })
  await symlink(`${root}/test/commands/client.mjs`, join(folder, 'dist/main.js'))
  const before = process.cwd()
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
  await chartObjects(sandbox.client)
  const node = await sandbox.client.get(
    { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' },
    sandbox.namespace,
    'node-3',
  )
  await writeFile(join(folder, 'manifests/node.yaml'), stringify(node))
  await writeFile(join(folder, 'kubeconfig'), sandbox.kubeconfig)
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    KUBECONFIG: join(folder, 'kubeconfig'),
    COMMAND_LINE_PORT: String(await commandLineServer(t)),
    ...anyPort,
  }
  /** Replaced in each command: ports that a test must not choose, names in angle brackets. */
  const replaced: [string, string][] = [
    ['<node>', 'node-1'],
    ['<image>', 'ubuntu-22.04'],
    ['--upstream http://127.0.0.1:9500', `--upstream ${sandbox.rest.url}`],
    ['--listen 127.0.0.1:9501', '--listen 127.0.0.1:0'],
    ['--listen 127.0.0.1:8001', '--listen 127.0.0.1:0'],
    ['--port 8443 --health-port 8080', '--port 0 --health-port 0 --operator-port 0 --linger 0s'],
  ]
  const start = (command: string) => {
    const script = replaced.reduce((text, [from, to]) => text.replaceAll(from, to), command)
    const child = spawn('bash', ['-c', `set -e; exec 2>&1; ${script}`], { cwd: folder, env, detached: true })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    /** Resolves once it has said something, or has ended without. */
    const said = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(output) && child.exitCode === null)
        await Promise.race([once(child.stdout, 'data'), ended])
    }
    const signal = (name: NodeJS.Signals): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, name)
    }
    return { output: () => output, ended, said, signal }
  }
  return { sandbox, folder, replaced, start }
}

/** What a server says in its log when it listens. */
function portsIn(log: string): Record<'port' | 'healthPort' | 'operatorPort', number> {
  const line = log.split('\n').find((each) => each.includes('"msg":"listening"')) ?? '{}'
  return JSON.parse(line) as Record<'port' | 'healthPort' | 'operatorPort', number>
}

t.test('every command of README and docs does what it should, one after the other', { skip }, async (t) => {
  const { sandbox, folder, replaced, start } = await shellIn(t.testdir(), t, {
    nodes: 4,
    longhorn: { drainMs: 500 },
  })
  const blocks = [...first, ...others].flatMap(blocksOf).filter(({ language }) => language === 'sh')
  const commands = blocks.flatMap(({ text }) => (elsewhere.test(text) ? [] : partsOf(text)))
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
          'kubectl logs --namespace holdfast -l app.kubernetes.io/component=guard --prefix --tail=-1',
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
  t.ok(ran > 25, `${ran} commands`)
  t.strictSame(sandbox.longhorn.crashes, [])
})
