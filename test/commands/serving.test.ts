import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { serving, type Serving } from '../../src/commands/serve/serving.ts'
import { configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../fixtures/eventually.ts'
import { logOf, start, startProcess } from './holdfast.ts'

/** A command that serves, with all that surrounds it in the hands of the test. */
function served({ isTTY = false, ...settings }: Settings & { readonly isTTY?: boolean } = {}) {
  const out: string[] = []
  const printed: string[] = []
  const codes: number[] = []
  let hangUp: () => void = () => undefined
  let close: (why: string) => void = () => undefined
  let signal: (name: string) => void = () => undefined
  let given: Serving | undefined
  let reopened = 0
  let savings = 0
  const ended = serving(
    configure([settings]),
    {
      env: {},
      isInteractive: false,
      stdin: () => process.stdin,
      stdout: { isTTY, write: (line) => out.push(line) },
      stderr: { write: (line) => printed.push(line) },
      screen: { write: (line) => printed.push(line) },
      untilSignal: () => new Promise((resolve) => (signal = resolve)),
      onHangup(listener) {
        hangUp = listener
        return () => (hangUp = () => undefined)
      },
      onStdoutClosed(listener) {
        close = listener
        return () => (close = () => undefined)
      },
      saveMemory: () => (savings += 1),
      measureProcess: () => Promise.resolve(),
      exitWith: (code) => codes.push(code),
    },
    async (serving) => {
      given = serving
      serving.onReopen(() => (reopened += 1))
      await serving.stopping
    },
  )
  const log = (message: string): void => given?.log.info(message)
  const metrics = async (): Promise<string> => (await given?.registry.metrics()) ?? ''
  return {
    ...{ out, printed, codes, ended, log, metrics },
    hangUp: () => hangUp(),
    close: (why: string) => close(why),
    signal: (name: string) => signal(name),
    reopened: () => reopened,
    savings: () => savings,
    isServing: () => given !== undefined,
    stopping: () => given?.signal.aborted === true,
  }
}

t.test('a closed standard output does not end the guard, and does not look like success', async (t) => {
  const guard = served()
  await eventually(() => !guard.stopping())
  guard.log('before')
  guard.close('EPIPE')
  guard.close('EPIPE')
  guard.log('after')
  t.equal(guard.stopping(), false)
  t.equal(guard.out.length, 1)
  t.equal(guard.printed.length, 1)
  t.match(guard.printed[0], /standard output is closed: EPIPE\. .*in memory only/)
  t.match(await guard.metrics(), 'holdfast_log_dropped_total{reason="closed"} 1')
  guard.signal('SIGTERM')
  await guard.ended
  t.strictSame(guard.codes, [1])
})

t.test('a command that serves takes less memory from its start', async (t) => {
  const guard = served()
  t.equal(guard.savings(), 1)
  guard.signal('SIGTERM')
  await guard.ended
  t.equal(guard.savings(), 1)
})

t.test('SIGHUP reopens the audit file, and ends a guard without one as SIGTERM does', async (t) => {
  const table: readonly (readonly [Parameters<typeof served>[0], ends: boolean])[] = [
    [{ auditFile: 'audit.log' }, false],
    [{}, true],
    // The terminal is gone.
    [{ auditFile: 'audit.log', isTTY: true }, true],
  ]
  for (const [settings, ends] of table) {
    const guard = served(settings)
    await eventually(() => !guard.stopping())
    guard.hangUp()
    await Promise.resolve()
    t.equal(guard.reopened(), ends ? 0 : 1, JSON.stringify(settings))
    if (!ends) guard.signal('SIGTERM')
    await guard.ended
    t.match(guard.out.at(-1), ends ? /signal\W+SIGHUP/ : /signal\W+SIGTERM/)
    t.strictSame(guard.codes, [])
  }
})

t.test('the log is JSON, and words on a terminal unless JSON is asked for', async (t) => {
  const table: readonly (readonly [Parameters<typeof served>[0], RegExp])[] = [
    [{}, /^\{"level":30,.*"msg":"ready"\}\n$/],
    [{ isTTY: true }, /^\[\d\d:\d\d:\d\d\] .*INFO.*ready\n$/],
    [{ isTTY: true, logFormat: 'json' }, /^\{"level":30,.*"msg":"ready"\}\n$/],
  ]
  for (const [settings, line] of table) {
    const guard = served(settings)
    await eventually(() => guard.isServing())
    guard.log('ready')
    guard.signal('SIGTERM')
    await guard.ended
    // eslint-disable-next-line no-control-regex -- it is what a terminal reads
    t.match(guard.out[0]?.replaceAll(/\u001b\[\d+m/g, ''), line)
  }
})

/** An embedded cluster, and what a proxy before its REST API is started with. */
async function beforeRest(t: Test) {
  const longhorn = { drainMs: 600_000 }
  const options = { port: 0, release: 'v1.8.0', nodes: 3, images: 2, longhorn, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  t.teardown(() => sandbox.stop())
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  const args = [
    ...['proxy', 'longhorn', '--upstream', sandbox.rest.url, '--kubeconfig', kubeconfig, '--hold', '0s'],
    ...['--listen', '127.0.0.1:0', '--health-port', '0', '--operator-port', '0'],
  ]
  return { folder, args }
}

/** Asks for what is denied and on record: nobody can tell what it would do. @returns the status */
async function refused(port: unknown, node: string): Promise<number> {
  const body = '{"evictionRequested":'
  return (await fetch(`http://127.0.0.1:${String(port)}/v1/nodes/${node}`, { method: 'PUT', body })).status
}

t.test('a proxy writes its records to another file after its file was moved', async (t) => {
  const { folder, args } = await beforeRest(t)
  const file = join(folder, 'audit.log')
  const proxy = start([...args, '--audit-file', file, '--user-header', 'x-user'])
  t.teardown(proxy.end)
  const logged = logOf(proxy)
  const { port, healthPort } = await logged('listening')
  await logged('every Longhorn object is read')
  t.equal(await refused(port, 'node-1'), 400)
  await rename(file, join(folder, 'moved'))
  t.equal(await refused(port, 'node-2'), 400)
  t.match(await logged('the audit file was moved or deleted, and is reopened'), { path: file })
  t.match(await readFile(file, 'utf8'), /"name":"node-2"/)
  proxy.kill('SIGHUP')
  const metrics = await (await fetch(`http://127.0.0.1:${String(healthPort)}/metrics`)).text()
  t.match(metrics, 'holdfast_audit_reopened_total{reason="moved"} 1')
})

t.test(
  'a process whose standard output is closed goes on, and ends with an exit code that is not 0',
  async (t) => {
    const { args } = await beforeRest(t)
    const proxy = startProcess(args)
    t.teardown(proxy.end)
    const logged = logOf(proxy)
    const { port } = await logged('listening')
    await logged('every Longhorn object is read')
    const printed = text(proxy.stderr)
    proxy.stdout.destroy()
    for (let n = 0; n < 3; n += 1) t.equal(await refused(port, 'node-1'), 400)
    t.equal(await refused(port, 'node-2'), 400)
    proxy.kill('SIGTERM')
    t.equal(await proxy.exit, 1)
    t.match(await printed, /standard output is closed: nobody reads it any more \(EPIPE\)\. There/)
  },
)
