import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { connect, type Connection } from '../../src/kubernetes/client/connection.ts'
import { type Ended, runProgram } from '../commands/holdfast.ts'
import { root } from '../fixtures/root.ts'
import type { Binaries } from './binaries.ts'
import { manifests, rendered, servicePort } from './chart.ts'
import { ask, type Cluster } from './cluster.ts'
import { ControlPlane } from './control-plane.ts'
import { definitions, foreignDefinitions } from './definitions.ts'
import { Guards, type PodTemplate } from './guards.ts'
import { Mark } from './mark.ts'

/** The name of a guard's Deployment, Service and account, and their namespace. */
export interface InstalledAt {
  readonly name: string
  readonly namespace: string
}

/** As the chart is installed here. */
export const installed: InstalledAt = { name: 'holdfast', namespace: 'holdfast' }

/** A real API server with Longhorn's definitions and the chart, and the processes of the Deployment. */
export class RealCluster implements Cluster {
  readonly what: string
  readonly isReal = true
  readonly plane: ControlPlane
  readonly connection: Connection
  readonly binaries: Binaries
  readonly #env: Readonly<Record<string, string>>
  readonly #mark = new Mark()
  #guards: Guards | undefined
  #isAhead = false
  #catchingUp: Promise<void> = Promise.resolve()

  private constructor(plane: ControlPlane, connection: Connection, binaries: Binaries, kubeconfig: string) {
    this.what = plane.version
    this.plane = plane
    this.connection = connection
    this.binaries = binaries
    this.#env = { PATH: process.env.PATH ?? '', HOME: plane.folder, KUBECONFIG: kubeconfig }
  }

  /** @param flags of the API server, besides those that it needs here */
  static async start(binaries: Binaries, flags: Readonly<Record<string, string>> = {}): Promise<RealCluster> {
    const plane = await ControlPlane.start(binaries, flags)
    try {
      const kubeconfig = join(plane.folder, 'kubeconfig')
      await writeFile(kubeconfig, plane.kubeconfig('default'))
      const cluster = new RealCluster(plane, await connect({ kubeconfig }), binaries, kubeconfig)
      await cluster.#prepare()
      return cluster
    } catch (error) {
      await plane.stop()
      throw error
    }
  }

  async kubectl(args: readonly string[], input?: string): Promise<Ended> {
    await this.caughtUp()
    return await runProgram(this.binaries.kubectl, args, this.#env, input)
  }

  written(): void {
    this.#isAhead = true
  }

  async caughtUp(): Promise<void> {
    const guards = this.#guards
    if (this.#isAhead && guards) this.#catchingUp = this.#mark.seenBy(guards, this.connection)
    this.#isAhead = false
    try {
      await this.#catchingUp
    } catch (error) {
      // The next command finds out for itself.
      this.#catchingUp = Promise.resolve()
      throw error
    }
  }

  /** A command line with kubectl and helm in it, as an administrator, in the top folder. */
  shell(line: string): Promise<Ended> {
    const { kubectl, helm } = this.binaries
    const folders = [kubectl, helm].filter((path) => path.includes('/')).map((path) => dirname(path))
    const PATH = [...folders, this.#env.PATH].join(':')
    return runProgram('bash', ['-c', `cd '${root}' && ${line}`], { ...this.#env, PATH })
  }

  /** helm, as an administrator. */
  helm(args: readonly string[]): Promise<Ended> {
    return runProgram(this.binaries.helm, args, this.#env)
  }

  /** As `kubectl`. @throws what it says if it fails */
  async must(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(args, input)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** Applies the chart. */
  async install(...settings: readonly string[]): Promise<string> {
    const yaml = rendered(this.binaries.helm, ...settings)
    await this.must(['apply', '-f', '-'], yaml)
    return yaml
  }

  /** The pods of the Deployment, with the rights of its service account, behind its Service. */
  async deploy(yaml: string): Promise<Guards> {
    return await this.deployAs(await this.podTemplate(yaml, installed))
  }

  /** The same, from these settings. */
  async deployAs(template: PodTemplate): Promise<Guards> {
    this.#guards = await Guards.start(template, await this.serviceOf(installed))
    return this.#guards
  }

  /** The settings with which a pod of the guard's Deployment starts. @param yaml of the release */
  async podTemplate(yaml: string, { name, namespace }: InstalledAt): Promise<PodTemplate> {
    const token = (await this.must(['create', 'token', name, '-n', namespace, '--duration', '2h'])).trim()
    const folder = (kind: string) => join(this.plane.folder, `${namespace}-${kind}`)
    const [config, clientCa, account] = [folder('config'), folder('client-ca'), folder('account')]
    for (const each of [config, clientCa, account]) await mkdir(each, { recursive: true })
    const all = manifests(yaml)
    const settings = all.find(({ kind }) => kind === 'ConfigMap')?.data?.['holdfast.yaml'] ?? ''
    await writeFile(join(config, 'holdfast.yaml'), settings)
    const kubeconfig = join(account, 'guard.kubeconfig')
    await writeFile(kubeconfig, this.plane.kubeconfig(namespace, token))
    const { hostname, port } = new URL(this.plane.server)
    const files = { token, namespace, 'ca.crt': this.plane.authorityCert }
    for (const [file, text] of Object.entries(files)) await writeFile(join(account, file), text)
    const deployment = all.find(({ kind }) => kind === 'Deployment')
    return {
      args: deployment?.spec?.template?.spec.containers[0]?.args ?? [],
      // The last one is the kubelet's.
      mounts: {
        '/etc/holdfast/config': config,
        '/etc/holdfast/client-ca': clientCa,
        '/var/run/secrets/kubernetes.io/serviceaccount': account,
      },
      env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      kubeconfig,
      here: [...['--host', '127.0.0.1'], ...['--port', '0', '--health-port', '0', '--operator-port', '0']],
    }
  }

  /** Where the API server asks a guard. */
  async serviceOf({ name, namespace }: InstalledAt): Promise<{ host: string; port: number }> {
    const jsonpath = 'jsonpath={.spec.clusterIP}'
    const host = await this.must(['get', 'service', name, '-n', namespace, '-o', jsonpath])
    return { host, port: servicePort }
  }

  async stop(): Promise<void> {
    this.connection.close()
    await this.plane.stop()
  }

  async #prepare(): Promise<void> {
    for (const name of ['longhorn-system', 'holdfast']) {
      await ask(this, 'POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      })
    }
    for (const definition of [...definitions(), ...foreignDefinitions]) {
      await ask(this, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
    }
    await this.must([
      'wait',
      '--for=condition=Established',
      'customresourcedefinitions',
      '--all',
      '--timeout=60s',
    ])
    // Longhorn's controllers may do everything with Longhorn's objects.
    const account = 'system:serviceaccount:longhorn-system:longhorn-service-account'
    await this.must([
      'create',
      'clusterrolebinding',
      'longhorn',
      '--clusterrole=cluster-admin',
      `--user=${account}`,
    ])
  }
}
