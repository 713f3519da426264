import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { run } from './holdfast.ts'

interface Variable {
  readonly name: string
  value?: string
}

/** An API server that has Longhorn's UI and nothing else, and answers this instead where it is told to. */
async function uiStandIn(t: Test, instead?: { readonly status: number; readonly body: object }) {
  const env: Variable[] = [{ name: 'LONGHORN_MANAGER_IP', value: 'http://longhorn-backend:9500' }]
  const patches: { readonly type: string | undefined; readonly body: unknown }[] = []
  const server = http.createServer((request, response) => void answer(request, response))
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    if (request.method === 'PATCH') {
      const body = (await json(request)) as Patch
      patches.push({ type: request.headers['content-type'], body })
      const [wanted] = body.spec.template.spec.containers[0]?.env ?? []
      for (const each of env) if (each.name === wanted?.name) each.value = wanted.value ?? ''
    }
    const known = request.url === '/apis/apps/v1/namespaces/longhorn-system/deployments/longhorn-ui'
    const deployment = { spec: { template: { spec: { containers: [{ name: 'longhorn-ui', env }] } } } }
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }
    const [code, body] = known ? [200, deployment] : [404, { ...status, message: 'there is none' }]
    response.writeHead(instead?.status ?? code, { 'content-type': 'application/json' })
    response.end(JSON.stringify(instead?.body ?? body))
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'ann' } }],
    clusters: [{ name: 'x', cluster: { server: at } }],
    users: [{ name: 'ann', user: { token: 'of-ann' } }],
  }
  await writeFile(kubeconfig, JSON.stringify(config))
  const point = (...args: readonly string[]) =>
    run(['proxy', 'point-ui', ...args, '--kubeconfig', kubeconfig])
  return { env, patches, point }
}

interface Patch {
  readonly spec: { readonly template: { readonly spec: { readonly containers: { env: Variable[] }[] } } }
}

t.test('the UI is pointed at a proxy, by one variable, and a second time nothing is written', async (t) => {
  const { env, patches, point } = await uiStandIn(t)
  const proxy = 'http://holdfast-longhorn.holdfast:9500'
  t.match(await point(proxy), {
    code: 0,
    stdout: `(Deployment longhorn-ui of longhorn-system) asks ${proxy} from now on.\n`,
  })
  t.strictSame(env, [{ name: 'LONGHORN_MANAGER_IP', value: proxy }])
  const containers = [{ name: 'longhorn-ui', env: [{ name: 'LONGHORN_MANAGER_IP', value: proxy }] }]
  t.strictSame(patches, [
    {
      type: 'application/strategic-merge-patch+json',
      body: { spec: { template: { spec: { containers } } } },
    },
  ])
  t.match(await point(proxy), { code: 0, stdout: /already/ })
  t.equal(patches.length, 1)
})

t.test('the UI’s nginx appends a path: only the origin is written', async (t) => {
  const { env, point } = await uiStandIn(t)
  t.match(await point('http://holdfast-longhorn.holdfast:9500/v1/'), { code: 0 })
  t.strictSame(env, [{ name: 'LONGHORN_MANAGER_IP', value: 'http://holdfast-longhorn.holdfast:9500' }])
})

t.test('a missing or wrong UI stays unchanged, with the reason', async (t) => {
  const absent = await uiStandIn(t)
  t.match(await absent.point('http://x', '--deployment', 'other'), {
    code: 2,
    stderr: /was not changed: .*there is none/,
  })
  const odd = await uiStandIn(t, { status: 200, body: { spec: {} } })
  t.match(await odd.point('http://x'), {
    code: 2,
    stderr: /Deployment longhorn-ui cannot be read: .*template/,
  })
  t.strictSame([...absent.patches, ...odd.patches], [])
})

t.test('an uninstall does not stumble over a UI that is gone', async (t) => {
  const { point } = await uiStandIn(t)
  t.match(await point('http://x', '--deployment', 'other', '--if-there'), {
    code: 0,
    stdout: /^Longhorn’s UI was not found: .*there is none/,
  })
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'InternalError',
    code: 500,
    message: 'no',
  }
  const broken = await uiStandIn(t, { status: 500, body: status })
  t.match(await broken.point('http://x', '--if-there'), { code: 2, stderr: /was not changed/ })
})

t.test('an uninstall points the UI back from its own proxy alone', async (t) => {
  const { env, patches, point } = await uiStandIn(t)
  const [own, other, back] = [
    'http://one.holdfast:9500',
    'http://two.storage:9500',
    'http://longhorn-backend:9500',
  ]
  t.match(await point(other), { code: 0 })
  t.match(await point(back, '--if-there', '--from', own), {
    code: 0,
    stdout: `(Deployment longhorn-ui of longhorn-system) asks ${other}, not ${own}, and stays so.\n`,
  })
  t.equal(env[0]?.value, other)
  t.equal(patches.length, 1)
  t.match(await point(back, '--if-there', '--from', other), { code: 0, stdout: /from now on/ })
  t.equal(env[0]?.value, back)
  t.match(await point(back, '--from', other), { code: 0, stdout: /already/ })
})

t.test('the UI is pointed at a proxy only once Longhorn answers there', async (t) => {
  const { env, patches, point } = await uiStandIn(t)
  const answers: readonly (readonly [number, string, string?])[] = [
    [502, ''],
    [404, '404 page not found'],
    [302, '', 'https://login.example.com/'],
    [200, '<!DOCTYPE html><html></html>'],
    [200, 'ok'],
    [200, '{}'],
    [200, '{"type":"apiVersion","id":"v1","links":{}}'],
  ]
  const asked: (string | undefined)[] = []
  const proxy = http.createServer((request, response) => {
    const [status, body, location] = answers[asked.push(request.url) - 1] ?? [500, '']
    response.writeHead(status, location === undefined ? {} : { location }).end(body)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.match(await point(url, '--wait', '10m'), { code: 0 })
  t.strictSame(
    asked,
    Array.from(answers, () => '/v1'),
  )
  t.equal(env[0]?.value, url)
  proxy.closeAllConnections()
  proxy.close()
  patches.length = 0
  t.match(await point(url, '--wait', '1ms'), {
    code: 2,
    stderr: /was not changed: http:\/\/127.0.0.1:\d+ does not answer for Longhorn \(.*ECONNREFUSED/,
  })
  t.strictSame(patches, [])
})

t.test('a server that sends bytes and never answers is given up in time', async (t) => {
  const { point, patches } = await uiStandIn(t)
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    const interim = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 100)
    socket.on('close', () => clearInterval(interim)).on('error', () => undefined)
    socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const began = performance.now()
  t.match(await point(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--wait', '1s'), {
    code: 2,
    stderr: /does not answer for Longhorn \(no answer within 1 s\)/,
  })
  t.ok(performance.now() - began < 5_000)
  t.strictSame(patches, [])
})

t.test('whatever else answers is said, and the UI stays as it is', async (t) => {
  const { point, patches } = await uiStandIn(t)
  const found = [
    [404, 'nothing', {}, /returned 404\)/],
    [
      302,
      '',
      { location: 'https://login.example.com/' },
      /302 and sends on to https:\/\/login.example.com\/\)/,
    ],
    [200, '<html><body>Sign in</body></html>', {}, /a page for a browser\)/],
    [200, 'ok', {}, /returned no JSON\)/],
    [200, '{"kind":"APIVersions"}', {}, /other JSON than Longhorn’s REST API does\)/],
  ] as const
  for (const [status, body, headers, words] of found) {
    const server = http.createServer((_, response) => response.writeHead(status, headers).end(body))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, stderr } = await point(url, '--wait', '1ms')
    t.equal(code, 2)
    t.match(stderr, words)
    t.match(stderr, /Name the address of a Holdfast proxy/)
    server.closeAllConnections()
    server.close()
  }
  t.strictSame(patches, [])
})

t.test('Longhorn’s own REST API is recognised', async (t) => {
  const { point } = await uiStandIn(t)
  const { rest } = await embeddedCluster(t)
  t.match(await point(rest.url, '--wait', '1m'), { code: 0, stdout: /from now on/ })
})
