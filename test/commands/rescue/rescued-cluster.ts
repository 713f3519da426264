import type { Test } from 'tap'
import { carryOut } from '../../../src/commands/rescue/command.ts'
import { Guard } from '../../../src/commands/rescue/guard.ts'
import type { RescueStep } from '../../../src/commands/rescue/next-step.ts'
import { guardSandbox } from '../../../src/commands/sandbox/command.ts'
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
  readonly told: string
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
  readonly isLast?: (step: RescueStep['step']) => boolean
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
  await setBackingImageManager(sandbox, 'unknown')
  await bringAboutCrash(sandbox)
  await comesTrue(() => Promise.resolve(sandbox.longhorn.crashCount('node-1') >= 2))
  return {
    sandbox,
    url,
    rescue: (asked: Asked = {}) => rescue(url, asked),
    /** The clean-up ends from now on. */
    drain: () => setBackingImageManager(sandbox, 'running'),
    annotation: async () => (await nodeOf(sandbox, 'node-1')).metadata.annotations?.[rescueAnnotation],
    flagsOf: (node: string) => flagsOf(sandbox, node),
    patch: (path: string, body: object) => patch(url, path, body),
    guard: () => startGuard(t, sandbox),
  }
}

/** Without it nothing is deleted from disk-1 of node-1. */
async function setBackingImageManager({ client, cluster }: Sandbox, currentState: string): Promise<void> {
  const diskUUID = cluster.uuidOf('node-1/disk-1')
  const managers = await client.list(resources.BackingImageManager, namespace)
  const found = managers.find((manager) => object(manager.spec).diskUUID === diskUUID)
  if (!found) throw new Error('disk-1 of node-1 has no backing image manager')
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
export async function bringAboutCrash({ api, cluster }: Sandbox): Promise<void> {
  const uuid = cluster.uuidOf('node-1/disk-1')
  await patch(api.url, 'backingimages/ubuntu-22.04', { spec: { diskFileSpecMap: { [uuid]: null } } })
  const closed = { allowScheduling: false, evictionRequested: true }
  await patch(api.url, 'nodes/node-1', { spec: { disks: { 'disk-1': closed } } })
}

async function rescue(url: string, asked: Asked): Promise<Rescued> {
  const connection = connectTo(url)
  const ending = new AbortController()
  const signal = AbortSignal.any([ending.signal, untilHung()])
  const live = await LiveMap.open(connection, namespace, signal)
  const told: string[] = []
  const steps: RescueStep['step'][] = []
  const note = (text: string): void => void told.push(text)
  let [code, killedAt]: [number, RescueStep['step'] | undefined] = [0, undefined]
  const real = new Guard(
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
  const show = (_: string, { step }: RescueStep): void => {
    steps.push(step)
    if (asked.isLast?.(step) !== true) return
    killedAt = step
    ending.abort(new Error('killed'))
  }
  const flags = {
    dryRun: asked.dryRun ?? false,
    leaveCleared: asked.leaveCleared ?? false,
    unguarded: asked.unguarded ?? false,
  }
  const exitWith = (wanted: number): void => void (code = wanted)
  const modules = { connection, longhornNamespace: namespace, live, guard, signal, note, show, exitWith }
  try {
    await carryOut(asked.nodes ?? [], flags, { ...modules, lookEveryMs: 50 })
  } catch (error) {
    if (!ending.signal.aborted) throw error
  } finally {
    await live.stop()
    connection.close()
  }
  return { code, told: told.join('\n'), steps, killedAt }
}

async function patch(url: string, path: string, body: object): Promise<void> {
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
