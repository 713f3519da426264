import { once } from 'node:events'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { asJson } from '../tls/last-answers.ts'
import {
  ConnectionLimit,
  type ConnectionLimits,
  type TrafficObserver,
  unlessClosed,
} from '../doors/http/connection-limit.ts'
import { smallPort } from '../doors/http/small-port.ts'
import type { RecentRecords } from '../observability/audit-sinks.ts'
import type { Held } from '../observability/hold-record.ts'
import type { HoldStream } from '../observability/hold-stream.ts'
import { linesType } from '../observability/audit-record.ts'
import { addPage, type PageSource } from '../page/routes.ts'
import { refuseOtherSites } from '../page/same-site.ts'
import { escapedText } from '../text/plain-text.ts'
import type { Timers } from '../time/clock.ts'

/**
 * The report of one replica. All times are lengths, in milliseconds at the moment of the answer, since the
 * clocks of two machines can differ.
 */
export interface ReplicaStatus {
  readonly replica: string
  readonly version: string
  /** True once every Longhorn object was read. */
  readonly synced: boolean
  /** Null before there is a disk map. */
  readonly diskMapAgeMs: number | null
  /** The number of requests that it holds now. */
  readonly holds: number
  /** Each of them, the longest first. */
  readonly waiting: readonly Held[]
  /** How long an ended change still counts. */
  readonly settleMs: number
  /** The same after an outage of the API server. */
  readonly settleAfterOutageMs: number
  /** How long a node must be down, or a disk not ready, to count as lost. */
  readonly lostAfterMs: number
  /** `pendingMs` is how long the disk map has seen it pending. */
  readonly pendingCleanups: readonly {
    readonly image: string
    readonly diskUUID: string
    readonly pendingMs: number
  }[]
  /** The nodes where an ended change still counts, and for how long. */
  readonly settling: readonly { readonly node: string; readonly leftMs: number }[]
  /** Its rules. */
  readonly policy: {
    /** `enforce`, `warn` or `off`, by the name of the rule. */
    readonly modes: Readonly<Record<string, string>>
    /** `hold` or `allow`. */
    readonly evictionCompletion: string
    /** The configured Longhorn release; null for the running one. */
    readonly release: string | null
    /** How many nodes may be evicted, and clean-ups pending, at a time; null for any number. Absent of an older version. */
    readonly evictionBudget?: {
      readonly flaggedNodes: number | null
      readonly pendingCleanups: number | null
    }
  }
  /** The clients whose reviews it accepts; null for any client. Absent for a proxy, which gets no reviews. */
  readonly callers?: null | {
    /** How many requests were rejected since the start. */
    readonly refused: number
    /** The last accepted client, and in how long its certificate ends; null before the first. */
    readonly last: { readonly name: string; readonly leftMs: number } | null
  }
}

/** The sources of the API. */
interface OperatorModules {
  readonly recent: RecentRecords
  /** Which requests wait, for whoever follows. */
  readonly holds?: Pick<HoldStream, 'lines' | 'subscribe'>
  readonly status: () => ReplicaStatus
  /** What the page shows; without it there is no page. */
  readonly page?: PageSource
  /** The maximum of open connections; {@link operatorConnections} by default. */
  readonly connections?: ConnectionLimits
  /** Called with connections that the limit closes. */
  readonly traffic?: TrafficObserver | undefined
  /** The machine's own by default. */
  readonly timers?: Timers
}

/** All clients come from loopback, and one that follows the audit keeps its connection for hours. */
export const operatorConnections: ConnectionLimits = { most: 32, mostOfPeer: 32 }

/**
 * The API of one replica for people: for commands `/audit` (with `?follow=true` for later records, and
 * `&holds=true` for requests that wait) and `/status`, for a browser the page. It must listen on loopback
 * only: clients come through a port-forward, for which the API server has checked their rights. It changes
 * nothing.
 */
export function operatorApi({
  recent,
  holds,
  status,
  page,
  connections = operatorConnections,
  traffic,
  timers,
}: OperatorModules): FastifyInstance {
  const app = smallPort({ inWords: asJson, timers })
  new ConnectionLimit(app.server, connections, (why) => traffic?.closed(why))
  app.addHook('onRequest', unlessClosed)
  // curl prints the body on a terminal.
  app.setReplySerializer((payload) => escapedText(JSON.stringify(payload)))
  refuseOtherSites(app)
  app.get('/status', (_request, reply) => reply.send(status()))
  app.get<{ Querystring: { follow?: string; holds?: string } }>('/audit', async (request, reply) => {
    if (request.query.follow !== 'true') return reply.type(linesType).send(recent.lines().join(''))
    // Who does not ask for holds gets records alone, as of old.
    await follow(reply, holds && request.query.holds === 'true' ? [recent, holds] : [recent])
  })
  if (page) addPage(app, page)
  return app
}

/** What tells lines. */
type Lines = Pick<RecentRecords, 'lines' | 'subscribe'>

async function follow(reply: FastifyReply, sources: readonly Lines[]): Promise<void> {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': linesType, 'cache-control': 'no-store' })
  raw.write(sources.flatMap((source) => source.lines()).join(''))
  const ends = sources.map((source) =>
    source.subscribe((line) => {
      // A reader that is too slow is disconnected, since its lines would fill the memory.
      if (!raw.write(line)) raw.destroy()
    }),
  )
  await once(raw, 'close')
  for (const end of ends) end()
}
