import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { runProcess, startProcess } from './holdfast.ts'

// Those that are not here have a process in the tests of their own: serve, proxy, sandbox, status, audit, check.

t.test('a process ends with the code of its command', async (t) => {
  const sandbox = await Sandbox.start({
    port: 0,
    release: 'v1.8.0',
    nodes: 2,
    images: 1,
    longhorn: {},
    report: () => undefined,
  })
  t.teardown(() => sandbox.stop())
  const folder = t.testdir()
  const env = { HOLDFAST_KUBECONFIG: join(folder, 'kubeconfig') }
  await writeFile(env.HOLDFAST_KUBECONFIG, sandbox.kubeconfig)
  t.match(await runProcess(['snapshot'], env), { code: 0, stdout: /\nkind: Snapshot\n/, stderr: '' })
  t.match(await runProcess(['doctor'], env), { code: 1, stdout: /^error +registration /m, stderr: '' })
  t.match(await runProcess(['plan', 'node-9'], env), {
    code: 2,
    stdout: '',
    stderr: /no Longhorn node node-9/,
  })
  const evict = ['evict', 'node-9', '--unguarded']
  t.match(await runProcess(evict, env), { code: 1, stdout: '', stderr: /there is no node node-9/ })
  const certs = ['certs', '--dir', join(folder, 'certs'), '--dns', 'localhost']
  t.match(await runProcess(certs, env), { code: 0, stdout: /valid until/, stderr: '' })
})

t.test('a process whose output nobody reads any more ends quietly', async (t) => {
  const completion = startProcess(['completion', 'bash'])
  completion.stdout.destroy()
  t.equal(await text(completion.stderr), '')
  t.equal(await completion.exit, 0)
})
