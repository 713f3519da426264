import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiServerNames, fillApiServerFolder } from '../../src/tls/api-server-folder.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { ApiAudit } from './api-audit.ts'
import type { Binaries } from './binaries.ts'
import { servicePort } from './chart.ts'
import { Child } from './child.ts'

/** Cluster IPs are loopback addresses, so that a Service can be listened on. */
const serviceRange = '127.64.0.0/24'

const adminToken = 'administrator'

/** etcd and kube-apiserver, on loopback, with RBAC and nothing else of a cluster. */
export class ControlPlane {
  readonly folder: string
  readonly server: string
  readonly version: string
  readonly #binaries: Binaries
  readonly #etcd: Child
  readonly #args: readonly string[]
  /** The authority of the API server's own certificate, PEM. */
  readonly authorityCert: string
  /** The guards' requests to it. */
  readonly audit: ApiAudit
  /** The folder with the files of `holdfast certs --api-server`. */
  readonly clientFolder: string
  #apiServer: Child

  private constructor(fields: {
    folder: string
    server: string
    binaries: Binaries
    etcd: Child
    args: readonly string[]
    authorityCert: string
    audit: ApiAudit
  }) {
    this.folder = fields.folder
    this.clientFolder = clientFolderIn(fields.folder)
    this.server = fields.server
    this.#binaries = fields.binaries
    this.#etcd = fields.etcd
    this.#args = fields.args
    this.authorityCert = fields.authorityCert
    this.audit = fields.audit
    const version = execFileSync(fields.binaries.apiServer, ['--version'], { encoding: 'utf8' })
    this.version = version.trim().replace(/^Kubernetes/, 'kube-apiserver')
    this.#apiServer = this.#launch()
  }

  /** @param flags of the API server, besides those that it needs here */
  static async start(
    binaries: Binaries,
    flags: Readonly<Record<string, string>> = {},
  ): Promise<ControlPlane> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-e2e-'))
    const path = (name: string) => join(folder, name)
    const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
    const etcdUrl = `http://127.0.0.1:${etcdPort}`
    const peerUrl = `http://127.0.0.1:${peerPort}`
    const etcd = new Child(
      'etcd',
      binaries.etcd,
      [
        ...['--data-dir', path('etcd'), '--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
        ...['--initial-cluster', `default=${peerUrl}`],
        // Nothing here has to outlive a power failure.
        '--unsafe-no-fsync',
      ],
      { PATH: process.env.PATH ?? '', ETCD_UNSUPPORTED_ARCH: process.arch === 'arm64' ? 'arm64' : '' },
    )
    const clock = { now: Date.now }
    const authority = await makeAuthority(clock)
    const serving = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, clock)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await writeFile(path('tls.crt'), serving.cert)
    await writeFile(path('tls.key'), serving.key)
    await writeFile(path('accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await writeFile(path('tokens.csv'), `${adminToken},administrator,administrator,system:masters\n`)
    await makeClientCertificate(folder)
    const audit = new ApiAudit(folder)
    await audit.prepare()
    const args = Object.entries({
      ...flags,
      ...audit.flags,
      'etcd-servers': etcdUrl,
      'bind-address': '127.0.0.1',
      'advertise-address': '127.0.0.1',
      // A loopback address cannot be an endpoint, and no test uses the Service kubernetes.
      'endpoint-reconciler-type': 'none',
      'secure-port': String(port),
      'service-cluster-ip-range': serviceRange,
      'cert-dir': folder,
      'tls-cert-file': path('tls.crt'),
      'tls-private-key-file': path('tls.key'),
      'token-auth-file': path('tokens.csv'),
      'service-account-key-file': path('accounts.key'),
      'service-account-signing-key-file': path('accounts.key'),
      'service-account-issuer': 'https://kubernetes.default.svc',
      'authorization-mode': 'RBAC',
      'admission-control-config-file': join(
        clientFolderIn(folder),
        apiServerNames.folder,
        apiServerNames.admission,
      ),
    }).map(([flag, value]) => `--${flag}=${value}`)
    const server = `https://127.0.0.1:${port}`
    const plane = new ControlPlane({
      folder,
      server,
      binaries,
      etcd,
      args,
      authorityCert: authority.cert,
      audit,
    })
    try {
      await plane.#ready()
      return plane
    } catch (error) {
      await plane.stop()
      throw error
    }
  }

  /** A kubeconfig for the administrator, or with somebody's token. */
  kubeconfig(namespace: string, token = adminToken): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'e2e',
      contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'e2e', namespace } }],
      clusters: [
        {
          name: 'e2e',
          cluster: {
            server: this.server,
            'certificate-authority-data': Buffer.from(this.authorityCert).toString('base64'),
          },
        },
      ],
      users: [{ name: 'e2e', user: { token } }],
    })
  }

  /** The API server crashes, and starts again on the same port. @param meanwhile called while it is away */
  async crash(meanwhile?: () => Promise<void>): Promise<void> {
    await this.#apiServer.end('SIGKILL')
    await meanwhile?.()
    this.#apiServer = this.#launch()
    await this.#ready()
  }

  async stop(): Promise<void> {
    await this.#apiServer.end('SIGKILL')
    await this.#etcd.end('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }

  #launch(): Child {
    return new Child('kube-apiserver', this.#binaries.apiServer, this.#args, { PATH: process.env.PATH ?? '' })
  }

  async #ready(): Promise<void> {
    const kubeconfig = join(this.folder, 'ready.kubeconfig')
    await writeFile(kubeconfig, this.kubeconfig('default'))
    const until = performance.now() + 90_000
    for (;;) {
      const asked = new Child('kubectl', this.#binaries.kubectl, ['get', '--raw', '/readyz'], {
        KUBECONFIG: kubeconfig,
        HOME: this.folder,
      })
      const answered = await asked
        .line((line) => (line === 'ok' ? true : undefined), { ms: 10_000 })
        .catch(() => false)
      await asked.end()
      if (answered) return
      if (performance.now() > until)
        throw new Error(`kube-apiserver is not ready:\n${this.#apiServer.last}\netcd:\n${this.#etcd.last}`)
    }
  }
}

function clientFolderIn(folder: string): string {
  return join(folder, 'client')
}

/** Makes another client certificate, which the API server reads from then on. */
export async function makeClientCertificate(folder: string, lifetimeMs?: number): Promise<void> {
  const clientFolder = clientFolderIn(folder)
  const options = {
    webhooks: [`holdfast.holdfast.svc:${servicePort}`],
    installedIn: join(clientFolder, apiServerNames.folder),
    overwrite: lifetimeMs !== undefined,
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  }
  await fillApiServerFolder(clientFolder, options, { now: Date.now })
}

/** One that was free just now: these programs cannot say which one they took. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  server.close()
  await once(server, 'close')
  return port
}
