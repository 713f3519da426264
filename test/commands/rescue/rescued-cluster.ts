import type { Test } from 'tap'
import { carryOutRescue } from '../../../src/commands/rescue/command.ts'
import { RescueGuard } from '../../../src/commands/rescue/guard.ts'
import type { RescueStep } from '../../../src/rules/rescue/next-step.ts'
import { guardSandbox } from '../../../src/commands/sandbox/guard-sandbox.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { LiveMap } from '../../../src/kubernetes/live-map.ts'
import { type Flags, rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { resources } from '../../../src/sandbox/controllers/resources.ts'
import { flag, object } from '../../../src/sandbox/json.ts'
import type { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { untilHung } from '../../fixtures/limits.ts'
import { comesTrue, namespace } from '../guarded-cluster.ts'

/** How a rescue ended. */
export interface Rescued {
  readonly code: number
  readonly notes: string
  /** The steps of all nodes, in the order in which they were told. */
  readonly steps: readonly RescueStep['step'][]
  /** The step at which it was killed; undefined if it came to its end. */
  readonly killedAt: RescueStep['step'] | undefined
}

/** What a person asks for, and where the test kills it. */
interface Asked {
  readonly nodes?: readonly string[]
  readonly dryRun?: boolean
  readonly leaveCleared?: boolean
  readonly unguarded?: boolean
  /** The nodes on which clean-ups do not end; on others they do, once somebody waits for them. */
  readonly stuck?: readonly string[]
  readonly isLast?: (step: RescueStep['step']) => boolean
  /** Told of each line; it is killed at the first that this is true of. */
  readonly isEnough?: (line: string) => boolean
}

/**
 * An embedded cluster without a guard in which the manager of node-1 crash-loops: disk-1 is flagged, and a clean-up is pending
 * on it that does not end before `drain` is called.
 */
export async function crashing(t: Test, release: string) {
  const sandbox = await embeddedCluster(t, {
    release,
    longhorn: { drainMs: 80, copyMs: 80, syncMs: 60, restartMs: 100, maxRestartMs: 200 },
  })
  const { url } = sandbox.api
  const crash = async (node: Crashing, image: string): Promise<void> => {
    await setBackingImageManager(sandbox, node, 'unknown')
    await bringAboutCrash(sandbox, node, image)
    await comesTrue(() => Promise.resolve(sandbox.longhorn.crashCount(node) >= 2))
  }
  const drain = (node: string): Promise<void> => setBackingImageManager(sandbox, node, 'running')
  await crash('node-1', 'ubuntu-22.04')
  return {
    sandbox,
    url,
    crash,
    drain,
    rescue: (asked: Asked = {}) => rescue(url, asked, drain),
    annotation: async () => (await nodeOf(sandbox, 'node-1')).metadata.annotations?.[rescueAnnotation],
    flagsOf: (node: string) => flagsOf(sandbox, node),
    guard: () => startGuard(t, sandbox),
  }
}

/** The nodes whose manager can be made to crash: their disk-1 has a copy. */
type Crashing = 'node-1' | 'node-2'

/** Without it nothing is deleted from disk-1 of the node. */
async function setBackingImageManager(
  { client, cluster }: Sandbox,
  node: string,
  currentState: string,
): Promise<void> {
  const diskUUID = cluster.disks.find((disk) => disk.node === node && disk.name === 'disk-1')?.uuid
  const managers = await client.list(resources.BackingImageManager, namespace)
  const found = managers.find((manager) => object(manager.spec).diskUUID === diskUUID)
  if (!found) throw new Error(`disk-1 of ${node} has no backing image manager`)
  const status = { ...object(found.status), currentState }
  await client.updateStatus(resources.BackingImageManager, { ...found, status })
}

async function startGuard(t: Test, sandbox: Sandbox): Promise<void> {
  const audit = { decided: () => undefined }
  const guard = await guardSandbox(sandbox, audit, process.stderr, new AbortController().signal, {
    settle: '200ms',
  })
  t.teardown(() => guard.stop())
}

/** The write that nobody stops without a guard, and its second half. */
async function bringAboutCrash({ api, cluster }: Sandbox, node: Crashing, image: string): Promise<void> {
  const uuid = cluster.uuidOf(`${node}/disk-1`)
  await patch(api.url, `backingimages/${image}`, { spec: { diskFileSpecMap: { [uuid]: null } } })
  const closed = { allowScheduling: false, evictionRequested: true }
  await patch(api.url, `nodes/${node}`, { spec: { disks: { 'disk-1': closed } } })
}

async function rescue(url: string, asked: Asked, drain: (node: string) => Promise<void>): Promise<Rescued> {
  const { stuck = [] } = asked
  const drained: Promise<void>[] = []
  const connection = connectTo(url)
  const ending = new AbortController()
  const signal = AbortSignal.any([ending.signal, untilHung()])
  const live = await LiveMap.open(connection, namespace, signal)
  const notes: string[] = []
  const steps: RescueStep['step'][] = []
  const kill = (): void => ending.abort(new Error('killed'))
  const note = (text: string): void => {
    notes.push(text)
    if (asked.isEnough?.(text) === true) kill()
  }
  let [code, killedAt]: [number, RescueStep['step'] | undefined] = [0, undefined]
  const real = new RescueGuard(
    { longhornNamespace: namespace, operatorPort: 1 },
    { connection, asking: { env: {}, isInteractive: false }, map: live.map, signal, note },
  )
  // No replica can be asked here: none runs in a pod.
  const policy = { ...defaultPolicy, settleMs: 200, settleAfterOutageMs: 200 }
  const guard = {
    policy,
    ask: () => real.ask(),
    isProved: () => real.isProved(),
    isHeld: (node: string, flags: Flags) => real.isHeld(node, flags),
  }
  const show = (node: string, { step }: RescueStep): void => {
    steps.push(step)
    if (step === 'wait-for-cleanup' && !stuck.includes(node)) drained.push(drain(node))
    if (asked.isLast?.(step) !== true) return
    killedAt = step
    kill()
  }
  const flags = {
    dryRun: asked.dryRun ?? false,
    leaveCleared: asked.leaveCleared ?? false,
    unguarded: asked.unguarded ?? false,
  }
  const exitWith = (wanted: number): void => void (code = wanted)
  const commandOf = (words: readonly string[]): string => ['holdfast', ...words].join(' ')
  const modules = {
    ...{ connection, longhornNamespace: namespace, live, guard, signal },
    ...{ note, show, commandOf, exitWith },
  }
  try {
    await carryOutRescue(asked.nodes ?? [], flags, { ...modules, lookEveryMs: 50 })
  } catch (error) {
    if (!ending.signal.aborted) throw error
  } finally {
    await Promise.all(drained)
    await live.stop()
    connection.close()
  }
  return { code, notes: notes.join('\n'), steps, killedAt }
}

/** Patches an object of the cluster as an administrator. @param path such as `nodes/node-1` */
export async function patch(url: string, path: string, body: object): Promise<void> {
  const response = await fetch(`${url}/apis/longhorn.io/v1beta2/namespaces/${namespace}/${path}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify(body),
    signal: untilHung(),
  })
  if (!response.ok) throw new Error(await response.text())
}

async function nodeOf(sandbox: Sandbox, name: string) {
  const node = await sandbox.client.get(resources.Node, namespace, name)
  if (!node) throw new Error(`there is no ${name}`)
  return node
}

/** The names of the disks whose flag is up. */
async function flagsOf(sandbox: Sandbox, name: string): Promise<string[]> {
  const { spec } = await nodeOf(sandbox, name)
  const disks = object(object(spec).disks)
  return Object.keys(disks).filter((disk) => flag(object(disks[disk]).evictionRequested))
}
