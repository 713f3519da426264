import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { podsStandIn } from './pods-stand-in.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { logOf, run, runProgram, start, startProcess, type Ended, type Running } from './holdfast.ts'

/** A kubeconfig for a server, with somebody's token. */
async function kubeconfigOf(t: Test, server: string, authority?: string): Promise<string> {
  const path = join(t.testdir(), 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'ann' } }],
    clusters: [{ name: 'x', cluster: { server, ...(authority !== undefined && trusting(authority)) } }],
    users: [{ name: 'ann', user: { token: 'of-ann' } }],
  }
  await writeFile(path, JSON.stringify(config))
  return path
}

function trusting(authority: string): object {
  return { 'certificate-authority-data': Buffer.from(authority).toString('base64') }
}

const somewhere = ['--listen', '127.0.0.1:0', '--health-port', '0', '--operator-port', '0']

/** A proxy that listens. */
async function proxy(t: Test, ...args: readonly string[]) {
  return await listening(t, start(['proxy', ...args, ...somewhere]))
}

async function listening(t: Test, running: Running) {
  t.teardown(running.end)
  const { port, healthPort } = await logOf(running)('listening')
  return { ...running, port: Number(port), health: `http://127.0.0.1:${String(healthPort)}` }
}

t.test(
  'kubectl reads logs and runs commands through the proxy, with the proxy’s own token',
  { skip },
  async (t) => {
    const { url, authority, asked } = await podsStandIn(t)
    const { port } = await proxy(t, 'kubernetes', '--kubeconfig', await kubeconfigOf(t, url, authority))
    const kubectl = (...args: string[]): Promise<Ended> => {
      const env = { PATH: process.env.PATH ?? '', HOME: t.testdirName, KUBECONFIG: '/dev/null' }
      return runProgram('kubectl', ['--server', `http://127.0.0.1:${port}`, '-n', 'default', ...args], env)
    }
    t.match(await kubectl('logs', '--follow', 'pod-0'), { code: 0, stdout: 'one\ntwo\n' })
    t.equal(asked.get('/api/v1/namespaces/default/pods/pod-0/log'), 'Bearer of-ann')
    t.match(await kubectl('exec', 'pod-0', '--', 'sh'), { code: 0, stdout: 'hello from the pod\n' })
  },
)

t.test('a proxy on loopback starts beside a guard and another proxy, on other ports', async (t) => {
  const { url } = await podsStandIn(t, 'http')
  const config = ['--kubeconfig', await kubeconfigOf(t, url), '--listen', '127.0.0.1:0']
  const proxies = [['kubernetes'], ['kubernetes'], ['longhorn', '--upstream', url]]
  const ports = await Promise.all(
    proxies.map(async (which) => {
      const running = start(['proxy', ...which, ...config])
      t.teardown(running.end)
      const { healthPort, operatorPort } = await logOf(running)('listening')
      return [Number(healthPort), Number(operatorPort)]
    }),
  )
  t.equal(new Set(ports.flat()).size, 6)
})

const pod = '/api/v1/namespaces/default/pods/pod-0'

t.test('exec and port-forward pass over WebSocket, with the proxy’s own token', async (t) => {
  const { url, authority, asked } = await podsStandIn(t)
  const { port } = await proxy(t, 'kubernetes', '--kubeconfig', await kubeconfigOf(t, url, authority))
  const { WebSocket } = await import('ws')
  const exec = new WebSocket(`ws://127.0.0.1:${port}${pod}/exec?command=sh&stdout=1`, 'v5.channel.k8s.io')
  const said: string[] = []
  exec.on('message', (data: Buffer) => said.push(data.toString()))
  await once(exec, 'close')
  t.equal(exec.protocol, 'v5.channel.k8s.io')
  t.equal(said[0], '\u0001hello from the pod\n')
  t.match(said[1], '"status":"Success"')
  t.equal(asked.get(`${pod}/exec`), 'Bearer of-ann')

  const tunnel = 'v4.channel.k8s.io'
  const forward = new WebSocket(`ws://127.0.0.1:${port}${pod}/portforward?ports=80`, tunnel)
  await once(forward, 'open')
  forward.send(Buffer.from('frames'))
  const [back] = (await once(forward, 'message')) as [Buffer]
  t.equal(back.toString(), 'frames')
  t.equal(forward.protocol, tunnel)
  t.equal(asked.get(`${pod}/portforward`), 'Bearer of-ann')
  forward.terminate()
})

t.test('exec and port-forward pass over SPDY, with the proxy’s own token', async (t) => {
  const { url, authority, asked } = await podsStandIn(t)
  const { port } = await proxy(t, 'kubernetes', '--kubeconfig', await kubeconfigOf(t, url, authority))
  for (const what of ['exec', 'portforward']) {
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `POST ${pod}/${what} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n`,
    )
    let got = ''
    socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')))
    while (!got.includes('\r\n\r\n')) await once(socket, 'data')
    t.match(got, /^HTTP\/1\.1 101 /)
    socket.write('frames')
    while (!got.endsWith('frames')) await once(socket, 'data')
    t.equal(asked.get(`${pod}/${what}`), 'Bearer of-ann')
    socket.destroy()
  }
})

t.test('in a cluster, each caller’s token is forwarded, and never the proxy’s', async (t) => {
  const { url, authority, asked } = await podsStandIn(t)
  const kubeconfig = await kubeconfigOf(t, url, authority)
  const certs = join(dirname(kubeconfig), 'certs')
  const made = await run(['certs', '--dir', certs, '--dns', 'localhost', '--ip', '127.0.0.1'])
  t.equal(made.code, 0, made.stderr)
  const tls = ['--tls', '--tls-cert', join(certs, 'tls.crt'), '--tls-key', join(certs, 'tls.key')]
  const { port } = await proxy(t, 'kubernetes', '--kubeconfig', kubeconfig, '--caller-token', ...tls)
  const ca = await readFile(join(certs, 'ca.crt'))
  const get = async (path: string, headers: Record<string, string>): Promise<string> => {
    const request = https.get({ host: '127.0.0.1', port, path, ca, headers, agent: false })
    const [answer] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    return await text(answer)
  }
  const path = '/api/v1/namespaces/default/pods/pod-0'
  t.match(await get(path, { authorization: 'Bearer of-bob' }), '"kind":"Pod"')
  t.equal(asked.get(path), 'Bearer of-bob')
  await get(`${path}/log`, {})
  t.equal(asked.get(`${path}/log`), undefined)
})

t.test('SIGTERM ends a proxy once its requests in progress are answered', async (t) => {
  const { url, answerSlow, asked } = await podsStandIn(t, 'http')
  const kubeconfig = await kubeconfigOf(t, url)
  const args = ['longhorn', '--upstream', url, '--kubeconfig', kubeconfig]
  const { kill, exit, port, health } = await listening(t, startProcess(['proxy', ...args, ...somewhere]))
  const metrics = await (await fetch(`${health}/metrics`)).text()
  t.match(metrics, /^process_cpu_seconds_total /m, 'the process is measured')
  const answer = fetch(`http://127.0.0.1:${port}/slow`)
  while (!asked.has('/slow')) await new Promise((resolve) => setImmediate(resolve))
  kill('SIGTERM')
  while (await accepts(port)) await new Promise((resolve) => setImmediate(resolve))
  answerSlow()
  t.equal(await (await answer).text(), 'done')
  t.equal(await exit, 0)
})

t.test('a port that is taken is said', async (t) => {
  const { url } = await podsStandIn(t, 'http')
  const kubeconfig = await kubeconfigOf(t, url)
  const taken = ['--listen', new URL(url).host, '--health-port', '0', '--operator-port', '0']
  t.match(await run(['proxy', 'longhorn', '--upstream', url, '--user-header', 'a b']), {
    code: 2,
    stderr: /A header has a name such as X-Forwarded-User/,
  })
  t.match(await run(['proxy', 'longhorn', '--upstream', url, '--kubeconfig', kubeconfig, ...taken]), {
    code: 2,
    stderr: /Cannot listen on 127\.0\.0\.1 port \d+ for the proxy: .*EADDRINUSE.* Choose another port/,
  })
})

t.test('requests to a proxy are counted', async (t) => {
  const { url } = await podsStandIn(t, 'http')
  const kubeconfig = await kubeconfigOf(t, url)
  const { port, health } = await proxy(t, 'longhorn', '--upstream', url, '--kubeconfig', kubeconfig)
  await fetch(`http://127.0.0.1:${port}/v1/nodes`)
  await fetch(`http://127.0.0.1:${port}/v1/nodes/n1`, { method: 'PUT', body: '{}' })
  const metrics = await (await fetch(`${health}/metrics`)).text()
  t.match(metrics, /^holdfast_proxy_requests_total\{kind="passed"\} 1$/m)
  t.match(metrics, /^holdfast_proxy_requests_total\{kind="judged"\} 1$/m)
  t.match(metrics, /^holdfast_proxy_upgraded_connections 0$/m)
  t.equal((await fetch(`${health}/readyz`)).status, 503, 'nothing of Longhorn could be read')
})

const wrong: readonly (readonly [what: string, args: readonly string[], said: RegExp])[] = [
  ['no upstream', ['longhorn'], /required option '--upstream <url>'/],
  ['an upstream that is no URL', ['longhorn', '--upstream', 'longhorn'], /must be a URL such as/],
  ...['/v1', '/longhorn/v1/', '/%761/x'].map(
    (path) =>
      [
        `an upstream with a version (${path})`,
        ['longhorn', '--upstream', `http://x${path}`],
        /must be without \/v1, which each request brings along/,
      ] as const,
  ),
  ['an upstream with a query', ['longhorn', '--upstream', 'http://x?y'], /must be without a \? and a #/],
  ['a place that is none', ['kubernetes', '--listen', 'x:y'], /must be like 127\.0\.0\.1:8001/],
  ['a time that is none', ['kubernetes', '--upstream-timeout', 'long'], /must be a duration/],
  ['rights lent to a network', ['kubernetes', '--listen', '0.0.0.0:0'], /act with your own rights/],
  [
    'tokens shown to a network',
    ['kubernetes', '--listen', '0.0.0.0:0', '--caller-token'],
    /without --tls would show the tokens of all callers/,
  ],
  [
    'a certificate that is not there',
    ['longhorn', '--upstream', 'http://x', '--tls', '--tls-cert', '/nonexistent/tls.crt'],
    /cannot read \/nonexistent\/tls\.crt \(--tls-cert\)/,
  ],
  ['a UI that is pointed nowhere', ['point-ui', 'longhorn'], /must be a URL such as/],
]

for (const [what, args, said] of wrong) {
  t.test(`a proxy says what is wrong: ${what}`, async (t) => {
    t.match(await run(['proxy', ...args]), { code: 2, stderr: said })
  })
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const accepted = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false)
  socket.destroy()
  return accepted
}
