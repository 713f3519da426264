import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { quickSandbox } from './guarded-sandbox.ts'
import { stageOf } from './pairs.ts'
import { Panics } from './panics.ts'
import { type Place, placesOf } from './places.ts'
import { proxiesOf } from './proxies.ts'
import type { ProxyStart } from './proxy-process.ts'
import { insist, putBackAtLast } from './put-back.ts'
import { requestTimeoutFor } from './race-options.ts'
import { whenReserved } from './when-reserved.ts'

const requestTimeout = requestTimeoutFor(0)
/** How long the API server may take to answer a forwarded request. */
const answerMs = 1_000
const how = { timeout: '1s' } as const
/** That, the time in which the API server commits, and slack. */
const lastsMs = answerMs + 11_000
const slackMs = 10_000

/** The outcomes of evictions through a proxy that was paused. */
interface Stood {
  evictions: number
  /** Not passed on, whatever the proxy answered when it went on. */
  givenUp: number
  cleanUps: number
  frozenMs: number
}

/**
 * Evictions through a proxy that pauses in the middle of them, for longer than its reservations last, while conflicting
 * clean-ups are requested through another proxy until they are admitted.
 *
 * @returns whether no manager panicked, and no node stayed frozen for longer than a reservation lasts
 */
export async function proxyStandsStill(nodes: number, pauseMs: number, pauses: number): Promise<boolean> {
  const panics = new Panics()
  // A clean-up that is admitted meanwhile is still pending when the proxy goes on.
  const drainMs = Math.max(0, pauseMs - lastsMs) + 5_000
  const sandbox = await quickSandbox(nodes, { drainMs, report: panics.report })
  panics.watch(sandbox)
  const others = await proxiesOf(sandbox, { settings: { requestTimeout } })
  const proxy = await startProxy({
    ...{ server: sandbox.api.url, answerMs },
    settings: { ...{ replica: name, settle: '0s', hold: '1s', namespace: 'holdfast' }, requestTimeout },
  })
  const places = await placesOf(sandbox)
  const stood: Stood = { evictions: 0, givenUp: 0, cleanUps: 0, frozenMs: 0 }
  for (let pause = 0; pause < pauses;) {
    const met = new AbortController()
    const count = 1 + Math.floor(Math.random() * nodes)
    const still = standStill(sandbox, proxy.child.pid ?? 0, pauseMs, count, met.signal)
    await Promise.all(places.map((place) => meet(sandbox, place, proxy.url, others.kubernetes, stood)))
    // Where clean-ups came first, fewer evictions have reserved.
    met.abort()
    if (await still) pause += 1
  }
  const exited = once(proxy.child, 'exit')
  proxy.child.disconnect()
  await exited
  await others.stop()
  await sandbox.stop()
  const { evictions, givenUp, cleanUps, frozenMs } = stood
  console.log(
    `a proxy stands still ${pauses} times for ${pauseMs / 1_000} s: ${evictions} evictions through it admitted, ${givenUp} not, ${cleanUps} clean-ups through another, ${panics.summary}, a node frozen for ${(frozenMs / 1_000).toFixed(1)} s at most`,
  )
  // Or it never stood still in the middle of an admission, and nothing was tried.
  const stoodInTheWay = frozenMs > lastsMs / 2
  return panics.records.length === 0 && stoodInTheWay && frozenMs <= lastsMs + slackMs
}

const name = 'proxy-that-stands-still'

async function meet(
  sandbox: Sandbox,
  place: Place,
  still: string,
  other: string,
  stood: Stood,
): Promise<void> {
  const { node, image, uuid } = place
  const stage = stageOf(sandbox)
  const evicting = stageOf(sandbox, still).evict(node, 'disk-2', how)
  const began = performance.now()
  const through = stageOf(sandbox, other)
  await insist('the clean-up', async () => {
    // An eviction that has come holds the clean-up too, and is taken back.
    const { spec } = await stage.node(node)
    if (spec.disks.get('disk-2')?.evictionRequested) await through.stopEvicting(node, 'disk-2', how)
    return await through.cleanUp(image, uuid, how)
  })
  stood.frozenMs = Math.max(stood.frozenMs, performance.now() - began)
  stood.cleanUps += 1
  const { admitted } = await evicting
  if (admitted) stood.evictions += 1
  else stood.givenUp += 1
  await putBackAtLast(stage, place, false)
}

/**
 * From a moment after the proxy has made so many reservations: before it decides, before it passes on, or later.
 *
 * @returns false if it has not made so many
 */
async function standStill(
  sandbox: Sandbox,
  pid: number,
  ms: number,
  count: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await whenReserved(sandbox, name, () => undefined, count, signal))) return false
  await setTimeout(Math.floor(Math.random() * 8))
  process.kill(pid, 'SIGSTOP')
  await setTimeout(ms)
  process.kill(pid, 'SIGCONT')
  return true
}

async function startProxy(start: ProxyStart) {
  const child = fork(join(import.meta.dirname, 'proxy-process.ts'), { stdio: 'inherit' })
  const said = once(child, 'message') as Promise<[{ readonly port: number }]>
  child.send(start)
  const [{ port }] = await said
  return { child, url: `http://127.0.0.1:${port}` }
}
