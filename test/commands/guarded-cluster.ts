import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { guardSandbox } from '../../src/commands/sandbox/guard-sandbox.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import type { Verdict } from '../../src/gate/verdict.ts'
import { diskUUIDFromPath } from '../../src/sandbox/controllers/resources.ts'
import { object, text } from '../../src/sandbox/json.ts'
import { kubeconfigFor, type Sandbox } from '../../src/sandbox/sandbox.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { untilHung } from '../fixtures/limits.ts'
import { type Ended, run, runProgram } from './holdfast.ts'

/** Longhorn's namespace. */
export const namespace = 'longhorn-system'
const longhorn = { group: 'longhorn.io', version: 'v1beta2' } as const
/** Longhorn's nodes. */
export const nodes = { ...longhorn, plural: 'nodes' }
/** Data sources of images. */
export const sources = { ...longhorn, plural: 'backingimagedatasources' }
/** Backing images. */
export const images = { ...longhorn, plural: 'backingimages' }

/**
 * The content of longhorn-disk.cfg of a disk, by node and path, if it has changed since the disk was made.
 */
type DiskFiles = Map<string, string>

/** The options of such a cluster. */
export interface GuardedChoice {
  /** The Longhorn release; one that does not crash if not given. */
  readonly release?: string
  readonly nodes?: number
  readonly images?: number
  /** How long things take that are quick if not given. */
  readonly times?: { readonly drainMs?: number; readonly copyMs?: number }
  /** The guard's setting; by default a node that is down is lost at once. */
  readonly settings?: Settings
}

/** An embedded cluster with a guard, and the command line and kubectl of an operator, whose kubeconfig names another namespace. */
export async function guarded(t: Test, choice: GuardedChoice = {}) {
  const files: DiskFiles = new Map()
  const times = { drainMs: 50, copyMs: 50, rebuildMs: 50, syncMs: 50, ...choice.times }
  const diskUUID = (node: string, path: string) =>
    files.get(`${node}:${path}`) ?? diskUUIDFromPath(node, path)
  const sandbox = await embeddedCluster(t, {
    release: choice.release ?? 'v1.9.2',
    nodes: choice.nodes ?? 3,
    images: choice.images ?? 1,
    longhorn: { ...times, diskUUID },
  })
  const verdicts: Verdict[] = []
  const registry = new Registry()
  const audit = { decided: (_: unknown, verdict: Verdict) => void verdicts.push(verdict) }
  const { signal } = new AbortController()
  const settings = { lostAfter: '1ms', ...choice.settings }
  const guard = await guardSandbox(sandbox, audit, process.stderr, signal, settings, registry)
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= guard.stop())
  t.teardown(stop)
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(sandbox.api.url, 'default'))
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: kubeconfig }
  return {
    sandbox,
    files,
    verdicts,
    stop,
    kubeconfig,
    /** `/metrics` of the guard. */
    metrics: () => registry.metrics(),
    /** The request that kubectl makes, without its process. */
    ask: (method: Method, path: string, body?: object, as?: string) =>
      ask(sandbox.api.url, method, path, body, as),
    /** A command line as it was told, with the names that a person puts in. */
    follow: (command: string) => runProgram('bash', ['-c', command], env),
    holdfast: (...args: string[]) => run([...args, '--kubeconfig', kubeconfig]),
  }
}

/** The command that a text tells to run. */
export function commandIn(output: string, command: RegExp): string {
  const found = command.exec(output)?.[0]
  if (found === undefined) throw new Error(`nobody says ${command.source} in: ${output}`)
  return found
}

/** The command that deletes an image, as it is told. */
export const deleteImage = /kubectl -n \S+ delete backingimages\.longhorn\.io [\w.-]+/
/** The command that deletes a node. */
export const deleteNode = /kubectl -n \S+ delete nodes\.longhorn\.io [\w-]+/
/** The command that writes an override. */
export const annotate = /kubectl -n \S+ annotate --overwrite nodes\.longhorn\.io [^']*'[^']*'/
/** The command that cleans a copy up. */
export const removeCopy = /kubectl -n \S+ patch backingimages\.longhorn\.io \S+ --type merge -p '[^']*'/

/** The command that deletes what is left of replicas. */
export const deleteReplicas = /kubectl -n \S+ delete replicas\.longhorn\.io [\w. -]+$/m

/** Waits until the status of holdfast is like this. */
export async function until(
  t: Test,
  look: () => Promise<Ended>,
  wanted: { code?: number; text: RegExp },
): Promise<void> {
  let last: Ended | undefined
  await comesTrue(async () => {
    last = await look()
    return wanted.text.test(last.stdout) && (wanted.code ?? last.code) === last.code
  })
  t.match(last?.stdout, wanted.text, String(last?.stderr))
}

/** Waits until something is true. It asks for a fourth of the time: what it waits for needs the processor too. */
export async function comesTrue(ask: () => Promise<boolean>): Promise<void> {
  const hung = untilHung()
  for (;;) {
    const began = performance.now()
    if (await ask()) return
    hung.throwIfAborted()
    await wait(Math.max(20, 3 * (performance.now() - began)))
  }
}

/** Deletes all replicas, and waits until the guard has seen it. */
export async function withoutReplicas({ ask, sandbox }: World): Promise<void> {
  await ask('DELETE', 'replicas')
  const copies = (await sandbox.client.list(images, namespace)).flatMap(({ metadata, status }) =>
    Object.keys(object(object(status).diskFileStatusMap)).map((uuid) => ({ name: metadata.name, uuid })),
  )
  for (const { name, uuid } of copies)
    await comesTrue(async () => {
      const spec = { diskFileSpecMap: { [uuid]: null } }
      const { text } = await ask('PATCH', `backingimages/${name}?dryRun=All`, { spec })
      return !/replica\S* .* use/.test(text)
    })
}

/** The UUID of a disk-1 turns into another, as longhorn-disk.cfg on it says. */
export async function drift({ ask, files, sandbox }: World, node: string, diskUUID: string): Promise<string> {
  const path = `${node}:${await pathOf(sandbox, node, 'disk-1')}`
  files.set(path, diskUUID)
  const status = { diskStatus: { 'disk-1': { diskUUID } } }
  const { ok, text: why } = await ask('PATCH', `nodes/${node}/status`, { status })
  if (!ok) throw new Error(why)
  return path
}

/** Such a cluster. */
export type World = Awaited<ReturnType<typeof guarded>>

type Method = 'PATCH' | 'POST' | 'DELETE'

/** The user's view of an answer. */
interface GuardOutput {
  readonly ok: boolean
  /** Warnings, and the reason of a denial. */
  readonly text: string
}

type Ask = (method: Method, path: string, body?: object, as?: string) => Promise<GuardOutput>

async function ask(
  url: string,
  method: Method,
  path: string,
  body?: object,
  as?: string,
): Promise<GuardOutput> {
  const headers = {
    'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    ...(as !== undefined && { 'impersonate-user': as }),
  }
  const response = await fetch(`${url}/apis/longhorn.io/v1beta2/namespaces/${namespace}/${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: untilHung(),
  })
  const answer = (await response.json()) as { message?: string }
  return { ok: response.ok, text: [response.headers.get('warning'), answer.message].join('\n') }
}

/** Adds a disk to its node, or takes it away. */
export function patchDisk(ask: Ask, node: string, disk: string, spec: unknown): Promise<GuardOutput> {
  return ask('PATCH', `nodes/${node}`, { spec: { disks: { [disk]: spec } } })
}

/** Takes a disk away in the two writes that Longhorn asks for. @returns what is said of the second */
export async function removeDisk(ask: Ask, node: string, disk: string): Promise<GuardOutput> {
  const closed = await patchDisk(ask, node, disk, { allowScheduling: false })
  return closed.ok ? await patchDisk(ask, node, disk, null) : closed
}

/** A disk in the spec of its node. */
export async function diskOf(
  { client }: Sandbox,
  node: string,
  disk: string,
): Promise<Record<string, unknown>> {
  const object = await client.get(nodes, namespace, node)
  const { disks } = Object(object?.spec) as { disks: Record<string, Record<string, unknown>> }
  return disks[disk] ?? {}
}

/** The path of its mount. */
export async function pathOf(sandbox: Sandbox, node: string, disk: string): Promise<string> {
  return text((await diskOf(sandbox, node, disk)).path)
}

/** Waits until Longhorn has forgotten a disk that was taken away. */
export async function gone({ client }: Sandbox, node: string, disk: string): Promise<void> {
  await comesTrue(async () => {
    const object = await client.get(nodes, namespace, node)
    const { diskStatus } = Object(object?.status) as { diskStatus: object }
    return !Object.hasOwn(diskStatus, disk)
  })
}
