import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cache } from '../cache.ts'
import type { Listening } from '../contest/contender.ts'
import { forked } from '../contest/processes.ts'

/** Its 360 packages are nothing that a contributor should have to install. */
const version = '1.1.4'
const folder = join(cache, `pepr-${version}`)

/** The settings of its process. */
export interface PeprStart {
  /** The module of Pepr. */
  readonly module: string
}

/** Its path is `/validate/` and a secret. */
export const pathOfPepr = 'secret'

/** Installs Pepr's controller, once. @throws if npm cannot */
export async function installPepr(): Promise<void> {
  if (existsSync(moduleOfPepr)) return
  mkdirSync(folder, { recursive: true })
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--no-package-lock']
  await promisify(execFile)('npm', ['install', ...quiet, '--prefix', folder, `pepr@${version}`])
}

const moduleOfPepr = join(folder, 'node_modules/pepr/dist/lib.js')

/**
 * Starts it. It serves reviews once it has read and watches its store, one object of a kind of its own. So a stand-in for
 * the API server has that object.
 *
 * @param files of the certificate and the key
 */
export async function startPepr(files: { readonly cert: string; readonly key: string }): Promise<Listening> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const name = searchParams.get('fieldSelector')?.split('=')[1] ?? pathname.split('/').at(-1)
    const metadata = { name, namespace: 'pepr-system', uid: '1', resourceVersion: '1' }
    const store = { apiVersion: 'pepr.dev/v1', kind: 'PeprStore', metadata, data: {} }
    const list = { apiVersion: 'pepr.dev/v1', kind: 'PeprStoreList', metadata: { resourceVersion: '1' } }
    // It asks for this one as soon as it serves reviews.
    if (name?.endsWith('-schedule') === true) server.emit('serves')
    request.resume()
    response.setHeader('content-type', 'application/json')
    if (searchParams.has('watch')) response.write(`${JSON.stringify({ type: 'ADDED', object: store })}\n`)
    else response.end(JSON.stringify(searchParams.size > 0 ? { ...list, items: [store] } : store))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const serves = once(server, 'serves', { signal: AbortSignal.timeout(60_000) })
  const settings: PeprStart = { module: moduleOfPepr }
  const env = {
    KUBECONFIG: kubeconfigFor(server),
    // Errors alone: by default it logs each request, in six lines.
    LOG_LEVEL: 'error',
    PEPR_API_PATH: pathOfPepr,
    SSL_CERT_PATH: files.cert,
    SSL_KEY_PATH: files.key,
  }
  const [pepr] = await Promise.all([
    forked(join(import.meta.dirname, 'pepr-process.ts'), settings, env),
    serves,
  ])
  return {
    ...pepr,
    stop: () => {
      pepr.stop()
      server.closeAllConnections()
      server.close()
    },
  }
}

function kubeconfigFor(server: Server): string {
  const { port } = server.address() as AddressInfo
  // Its client takes plain HTTP only with the first.
  const cluster = { 'insecure-skip-tls-verify': true, server: `http://127.0.0.1:${port}` }
  const path = join(folder, 'kubeconfig')
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'bench', cluster }],
      users: [{ name: 'bench', user: {} }],
      contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
      'current-context': 'bench',
    }),
  )
  return path
}
