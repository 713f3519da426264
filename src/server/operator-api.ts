import { once } from 'node:events'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import {
  ConnectionLimit,
  type ConnectionLimits,
  type TrafficObserver,
} from '../doors/http/connection-limit.ts'
import type { RecentRecords } from '../observability/audit-sinks.ts'
import { escapedText } from '../text/plain-text.ts'

/**
 * What one replica says of itself. All times are lengths, in milliseconds at the moment of the answer: the clocks of two
 * machines need not agree.
 */
export interface ReplicaStatus {
  readonly replica: string
  readonly version: string
  /** True once every Longhorn object was read. */
  readonly synced: boolean
  /** Null before there is a disk map. */
  readonly diskMapAgeMs: number | null
  /** How many changes are held now. */
  readonly holds: number
  /** How long what has ended still counts. */
  readonly settleMs: number
  /** The same after an outage of the API server. */
  readonly settleAfterOutageMs: number
  /** How long a node has been down, or a disk not ready, when it counts as lost. */
  readonly lostAfterMs: number
  /** `pendingMs` is how long the disk map has seen it pending. */
  readonly pendingCleanups: readonly {
    readonly image: string
    readonly diskUUID: string
    readonly pendingMs: number
  }[]
  /** The nodes where what has ended still counts, and for how long. */
  readonly settling: readonly { readonly node: string; readonly leftMs: number }[]
  /** The rules that it judges by. */
  readonly policy: {
    /** `enforce`, `warn` or `off`, by the name of the rule. */
    readonly modes: Readonly<Record<string, string>>
    /** `hold` or `allow`. */
    readonly evictionCompletion: string
    /** The Longhorn release that it judges for, if that was set; null for the one that runs. */
    readonly release: string | null
    /** How many nodes may be evicted, and clean-ups pending, at a time; null for any number. Absent of an older version. */
    readonly evictionBudget?: {
      readonly flaggedNodes: number | null
      readonly pendingCleanups: number | null
    }
  }
  /** Who may send it reviews, by client certificate; null where whoever reaches the port may. Absent of a proxy, which gets none. */
  readonly callers?: null | {
    /** How many requests were turned away since the start. */
    readonly refused: number
    /** Who was accepted last, and in how long its certificate ends; null before anybody was. */
    readonly last: { readonly name: string; readonly leftMs: number } | null
  }
}

/** What the API tells from. */
interface OperatorModules {
  readonly recent: RecentRecords
  readonly status: () => ReplicaStatus
  /** How many connections are kept at once; {@link operatorConnections} if not given. */
  readonly connections?: ConnectionLimits
  /** Told of what the limit closes. */
  readonly traffic?: TrafficObserver | undefined
}

/** Everybody comes from loopback, and somebody who follows the audit keeps one for hours. */
export const operatorConnections: ConnectionLimits = { most: 32, mostOfPeer: 32 }

/** The media type of records: one JSON object a line. */
export const linesType = 'application/x-ndjson'

/**
 * What a person's commands read from one replica: `/audit` (with `?follow=true` for what comes) and `/status`. To
 * listen on loopback only: whoever reaches it has come through a port-forward, for which the API server has asked
 * their rights. It changes nothing.
 */
export function operatorApi({
  recent,
  status,
  connections = operatorConnections,
  traffic,
}: OperatorModules): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true })
  new ConnectionLimit(app.server, connections, (why) => traffic?.closed(why))
  // curl shows on a terminal what it gets.
  app.setReplySerializer((payload) => escapedText(JSON.stringify(payload)))
  // A page in somebody's browser can reach loopback too, under a name of its own choosing.
  app.addHook('onRequest', async (request, reply) => {
    if (isLoopback(request.hostname)) return
    await reply.code(403).send({ error: `Ask for 127.0.0.1 or localhost, not for ${request.hostname}.` })
  })
  app.get('/status', (_request, reply) => reply.send(status()))
  app.get<{ Querystring: { follow?: string } }>('/audit', async (request, reply) => {
    if (request.query.follow !== 'true') return reply.type(linesType).send(recent.lines().join(''))
    await follow(reply, recent)
  })
  return app
}

async function follow(reply: FastifyReply, recent: RecentRecords): Promise<void> {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': linesType, 'cache-control': 'no-store' })
  raw.write(recent.lines().join(''))
  const unsubscribe = recent.subscribe((line) => {
    // Whoever does not read is let go, rather than remembered for.
    if (!raw.write(line)) raw.destroy()
  })
  await once(raw, 'close')
  unsubscribe()
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}
