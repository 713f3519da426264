import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { logOf, start } from './holdfast.ts'

/** Starts a door of a cluster whose API server is away. @returns asks its health */
async function started(t: Test, ...args: readonly string[]) {
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x' } }],
    // No program listens there.
    clusters: [{ name: 'x', cluster: { server: 'http://127.0.0.1:1' } }],
  }
  await writeFile(kubeconfig, JSON.stringify(config))
  const places = ['--health-port', '0', '--operator-port', '0', '--linger', '0s']
  const running = start([...args, ...places, '--kubeconfig', kubeconfig, '--namespace', 'holdfast'])
  t.teardown(running.end)
  const { healthPort } = await logOf(running)('health is listening')
  const health = async (path: string) => await fetch(`http://127.0.0.1:${String(healthPort)}${path}`)
  return { health, running }
}

t.test('a guard without a certificate is alive and not ready while the API server is away', async (t) => {
  const own = ['--certificate-secret', 'holdfast-tls', '--server-name', 'localhost', '--port', '0']
  const { health, running } = await started(t, 'serve', ...own)
  t.equal((await health('/livez')).status, 200)
  const ready = await health('/readyz')
  t.equal(ready.status, 503)
  t.match(
    await ready.text(),
    /Not ready: it has just started, and waits for the API server or for its certificate/,
  )
  t.match(await (await health('/metrics')).text(), /^# HELP /m)
  running.kill('SIGTERM')
  t.equal(await running.exit, 0, 'it ends while it waits')
})

t.test('a proxy is alive and not ready while the API server is away', async (t) => {
  const longhorn = ['longhorn', '--upstream', 'http://127.0.0.1:1', '--listen', '127.0.0.1:0']
  const { health } = await started(t, 'proxy', ...longhorn)
  t.equal((await health('/livez')).status, 200)
  t.equal((await health('/readyz')).status, 503)
})
