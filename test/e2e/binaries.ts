import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../fixtures/cache-folder.ts'
import { root } from '../fixtures/root.ts'

/** The Kubernetes that is built where none is at hand; the one of go.mod. */
export const kubernetesVersion = 'v1.36.2'
/** The etcd that is built where none of today is at hand; the one of go.mod. */
const etcdVersion = 'v3.6.8'
const actionlintModule = 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'
const helmModule = 'helm.sh/helm/v3/cmd/helm@v3.22.0'
/** Of Prometheus 3.16. It has neither `replace` nor `exclude`, so it is built as it is, and no go.mod of ours grows. */
const promtoolModule = 'github.com/prometheus/prometheus/cmd/promtool@v0.316.0'

/** The folder of a control plane's programs. */
export interface Binaries {
  readonly etcd: string
  readonly apiServer: string
  readonly kubectl: string
  readonly helm: string
}

/** The folder of built programs. */
export const cache = cacheFolder('e2e')

/**
 * Finds etcd, kube-apiserver and kubectl in KUBEBUILDER_ASSETS, as envtest does; or else builds them with Go, once,
 * outside the checkout.
 *
 * @throws Error that names the missing program and how to get it
 */
export function binaries(): Binaries {
  const assets = process.env.KUBEBUILDER_ASSETS
  if (assets !== undefined) {
    const [etcd, apiServer, kubectl] = ['etcd', 'kube-apiserver', 'kubectl'].map((name) => join(assets, name))
    if (![etcd, apiServer, kubectl].every((path) => path !== undefined && existsSync(path)))
      throw new Error(
        `KUBEBUILDER_ASSETS is ${assets}, but etcd, kube-apiserver and kubectl are not all there.`,
      )
    return { etcd: etcd ?? '', apiServer: apiServer ?? '', kubectl: kubectl ?? '', helm: helm() }
  }
  const built = join(cache, kubernetesVersion)
  if (!existsSync(join(built, 'kube-apiserver'))) build(built)
  return {
    etcd: etcd(),
    apiServer: join(built, 'kube-apiserver'),
    kubectl: join(built, 'kubectl'),
    helm: helm(),
  }
}

/** Builds the program that shows how Go reads the target of a request; a repeated build takes a second. @returns its path */
export function buildTargets(): string {
  const path = join(cache, 'holdfast-targets')
  go(['build', '-trimpath', '-o', path, './targets'], { ...process.env, CGO_ENABLED: '0' })
  return path
}

/** Builds the checker of GitHub's workflows, once. @returns its path */
export function buildActionlint(): string {
  const path = join(cache, 'actionlint')
  if (!existsSync(path))
    go(['install', '-trimpath', actionlintModule], { ...process.env, GOBIN: cache, CGO_ENABLED: '0' })
  return path
}

/** Builds Prometheus' own checker of rules and metrics, once, without the clients of all clouds. @returns its path */
export function buildPromtool(): string {
  const built = join(cache, 'promtool')
  if (!existsSync(built)) {
    console.error(`# ${promtoolModule} is built; this happens once`)
    go(['install', '-trimpath', '-tags', 'remove_all_sd', '-ldflags', '-s -w', promtoolModule], {
      ...process.env,
      GOBIN: cache,
      CGO_ENABLED: '0',
    })
  }
  return built
}

/** Debian's etcd may be 3.4, which no cluster of today has. */
function etcd(): string {
  const { stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' })
  if (isToday(stdout)) return 'etcd'
  const built = join(cache, `etcd-${etcdVersion}`)
  if (!existsSync(built)) {
    console.error(`# etcd ${etcdVersion} is built; this happens once`)
    const stripped = ['-trimpath', '-ldflags', '-s -w']
    go(['build', ...stripped, '-o', built, 'go.etcd.io/etcd/server/v3'], { ...process.env, CGO_ENABLED: '0' })
  }
  return built
}

/** True for 3.5.13 and newer. @param text what `etcd --version` prints */
export function isToday(text: string): boolean {
  const [major = 0, minor = 0, patch = 0] =
    /^etcd Version: (\d+)\.(\d+)\.(\d+)/m.exec(text)?.slice(1).map(Number) ?? []
  return major > 3 || (major === 3 && (minor > 5 || (minor === 5 && patch >= 13)))
}

function helm(): string {
  const version = spawnSync('helm', ['version', '--short'], { encoding: 'utf8' })
  if (version.status === 0 && /^v[34]/.test(version.stdout)) return 'helm'
  const built = join(cache, 'helm')
  if (!existsSync(built)) {
    console.error(`# ${helmModule} is built; this happens once`)
    go(['install', '-trimpath', helmModule], { ...process.env, GOBIN: cache, CGO_ENABLED: '0' })
  }
  return built
}

/** Builds into a folder beside it first, so that the final one is always complete. */
function build(folder: string): void {
  console.error(
    `# kube-apiserver and kubectl ${kubernetesVersion} are built; this takes minutes, and happens once`,
  )
  const [major, minor] = kubernetesVersion.slice(1).split('.')
  const stamp = Object.entries({
    gitVersion: kubernetesVersion,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  }).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value ?? ''}`)
  const fresh = `${folder}.${process.pid}`
  mkdirSync(fresh, { recursive: true })
  const programs = ['kube-apiserver', 'kubectl'].map((name) => `k8s.io/kubernetes/cmd/${name}`)
  try {
    go(['build', '-trimpath', '-ldflags', `-s -w ${stamp.join(' ')}`, '-o', `${fresh}/`, ...programs], {
      ...process.env,
      CGO_ENABLED: '0',
    })
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function go(args: readonly string[], env: NodeJS.ProcessEnv): void {
  try {
    execFileSync('go', args, { cwd: join(root, 'test/e2e'), env, stdio: ['ignore', 'inherit', 'inherit'] })
  } catch (cause) {
    throw new Error(
      `go ${args.join(' ')} failed. Install Go 1.26; or, for all but the comparison of targets and promtool, unpack the envtest binaries and set KUBEBUILDER_ASSETS to their folder.`,
      { cause },
    )
  }
}
