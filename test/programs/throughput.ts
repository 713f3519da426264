import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import proxy from '@fastify/http-proxy'
import { fastify } from 'fastify'
import { pino } from 'pino'
import { defaultProxyOptions, type ProxyDoor } from '../../src/doors/proxy/door.ts'
import { LonghornDoor } from '../../src/doors/proxy/longhorn/door.ts'
import { ProxyServer } from '../../src/doors/proxy/proxy-server.ts'
import { memoryOf } from '../fixtures/process-memory.ts'
import { nobody } from '../doors/proxy/nobody.ts'
import { unasked } from '../doors/proxy/unasked.ts'

/** Short turns, one after the other: a neighbour who takes the machine for a second takes it from both. */
const turns = 50
const turnMs = 200
const warmUpMs = 3_000
const connections = 32
/** The size of a typical object of Longhorn. */
const answerBytes = 2_000

const me = fileURLToPath(import.meta.url)
const [role = 'measure', target = ''] = process.argv.slice(2)

if (role === 'upstream') await serveUpstream()
else if (role === 'ours') await serveOurs()
else if (role === 'bare') await serveBare()
else await measure()

async function serveUpstream(): Promise<void> {
  const body = Buffer.alloc(answerBytes, 'x')
  const server = http.createServer((request, response) => {
    request.resume()
    const answer = (): void => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
    }
    if (request.method === 'POST') request.on('end', answer)
    else answer()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.((server.address() as AddressInfo).port)
}

async function serveOurs(): Promise<void> {
  const door: ProxyDoor = new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked)
  const server = new URL(target)
  const agent = new http.Agent({ keepAlive: true, timeout: 50_000, maxFreeSockets: 256 })
  const upstream = { server, host: undefined, options: () => ({ agent }) }
  const log = pino({ level: 'silent' })
  const options = { ...defaultProxyOptions, host: '127.0.0.1', port: 0, tls: undefined }
  const ours = new ProxyServer(options, { upstream, door, log, observer: nobody })
  process.send?.(await ours.start())
}

async function serveBare(): Promise<void> {
  const app = fastify({ logger: false })
  await app.register(proxy, { upstream: target })
  await app.listen({ host: '127.0.0.1', port: 0 })
  process.send?.((app.server.address() as AddressInfo).port)
}

async function started(...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(me, args)
  const [port] = (await once(child, 'message')) as [number]
  return { child, url: `http://127.0.0.1:${port}` }
}

/** How many requests a second pass. The agent keeps its connections for the next turn. */
async function rate(url: string, agent: http.Agent, ms = turnMs): Promise<number> {
  const began = performance.now()
  const end = began + ms
  let done = 0
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) {
        await new Promise<void>((resolve, reject) => {
          http
            .get(`${url}/v1/nodes`, { agent }, (answer) => {
              answer.resume()
              answer.on('end', () => {
                done += 1
                resolve()
              })
            })
            .on('error', reject)
        })
      }
    }),
  )
  return (done * 1_000) / (performance.now() - began)
}

/** 1 GiB goes through, and nothing of it stays. */
async function uploadThrough({ child, url }: { child: ChildProcess; url: string }): Promise<void> {
  // Some garbage of read chunks is always there, so this upload comes before the measurement.
  await upload(url, 128, () => undefined)
  const before = memoryOf(child.pid)
  let most = before
  const began = performance.now()
  await upload(url, 1_024, () => {
    most = Math.max(most, memoryOf(child.pid))
  })
  const seconds = (performance.now() - began) / 1_000
  console.log(
    `1 GiB upload in ${seconds.toFixed(1)} s: memory from ${before.toFixed(0)} MiB to at most ${most.toFixed(0)} MiB`,
  )
  if (most - before > 30) process.exitCode = 1
}

async function upload(url: string, mebibytes: number, onSent: () => void): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024, 'u')
  await new Promise<void>((resolve, reject) => {
    const request = http.request(`${url}/v1/backingimages/x?action=upload`, { method: 'POST' }, (answer) => {
      answer.resume()
      answer.on('end', resolve)
    })
    request.on('error', reject)
    const pump = async (): Promise<void> => {
      for (let sent = 0; sent < mebibytes; sent += 1) {
        if (!request.write(chunk)) await once(request, 'drain')
        onSent()
      }
      request.end()
    }
    pump().catch(reject)
  })
}

async function measure(): Promise<void> {
  const upstream = await started('upstream')
  const ours = await started('ours', upstream.url)
  const bare = await started('bare', upstream.url)
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  for (const { url } of [ours, bare]) await rate(url, agent, warmUpMs)
  const rates = { ours: [] as number[], bare: [] as number[], shares: [] as number[] }
  for (let turn = 0; turn < turns; turn += 1) {
    const first = turn % 2 === 0 ? ours : bare
    const [one, other] = [
      await rate(first.url, agent),
      await rate(first === ours ? bare.url : ours.url, agent),
    ]
    const [mine, its] = first === ours ? [one, other] : [other, one]
    rates.ours.push(mine)
    rates.bare.push(its)
    rates.shares.push(mine / its)
  }
  const direct = await rate(upstream.url, agent, warmUpMs)
  agent.destroy()
  await uploadThrough(ours)
  for (const { child } of [upstream, ours, bare]) child.kill()
  const median = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
  const share = median(rates.shares)
  console.log(
    `requests a second: through the proxy ${median(rates.ours).toFixed(0)}, through a bare @fastify/http-proxy ${median(rates.bare).toFixed(0)}, direct ${direct.toFixed(0)}: ${(share * 100).toFixed(0)} %`,
  )
  if (share < 0.85) process.exitCode = 1
}
