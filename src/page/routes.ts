import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RecentRecords } from '../observability/audit-sinks.ts'
import { escapedText } from '../text/plain-text.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { assets } from './assets.ts'
import { EventStream } from './event-stream.ts'
import { pageHeaders } from './same-site.ts'
import { type FeedEvent, StateFeed, type StateSource } from './state-feed.ts'
import type { StoryLine } from './story.ts'
import type { Trend } from './trend.ts'
import { WhatIfPace } from './what-if-pace.ts'
import { mostNodes, whatIf, type WhatIfModules } from './what-if.ts'

/** The sources of the page. */
export interface PageSource extends StateSource {
  readonly records: Pick<RecentRecords, 'lines' | 'subscribe'>
  readonly trend: { readonly trend: () => Trend; readonly subscribe: (listener: () => void) => () => void }
  readonly whatIf: WhatIfModules
  /** The story of the embedded cluster, in plain sentences. */
  readonly story?: {
    readonly lines: () => readonly StoryLine[]
    /** Calls the listener whenever there are more. @returns ends it */
    readonly subscribe: (listener: () => void) => () => void
  }
}

/** The maximum of open streams: each may have one whole state under way. */
const usualStreams = 16

/** A new stream begins with so many of the latest records. */
const firstRecords = 200

/**
 * Adds the page (`/ui/`) and the API beneath (`/api/v1/…`). Its server has to refuse other sites and other methods first: see
 * `refuseOtherSites`.
 */
export function addPage(
  app: FastifyInstance,
  source: PageSource,
  clock: Clock = systemClock,
  mostStreams = usualStreams,
): void {
  const feed = new StateFeed(source, clock)
  // `holdfast ui` follows many replicas and has its own map, so it asks each for a state without nodes.
  const feedWithoutNodes = new StateFeed({ ...source, nodes: () => [] }, clock)
  const feedFor = ({ query }: FastifyRequest<Nodes>): StateFeed =>
    query.nodes === 'false' ? feedWithoutNodes : feed
  const open = new Set<FastifyReply>()

  app.get<Nodes>('/api/v1/state', (request, reply) => json(reply).send(feedFor(request).state()))
  app.get('/api/v1/trend', (_request, reply) => json(reply).send(JSON.stringify(source.trend.trend())))
  const pace = new WhatIfPace(clock)
  app.get<Asked>('/api/v1/what-if', (request, reply) => sendWhatIf(request, reply, source, pace))
  app.get<Nodes>('/api/v1/events', (request, reply) => {
    if (open.size >= mostStreams) {
      const error = `This server has ${mostStreams} open streams, and no room for more. Close a page that you do not need.`
      return json(reply).code(503).header('retry-after', '10').send(JSON.stringify({ error }))
    }
    open.add(reply)
    stream(reply, feedFor(request), source, clock, () => open.delete(reply))
    return reply
  })
  app.get('/', (_request, reply) => reply.headers(pageHeaders).redirect('/ui/', 302))
  app.get('/ui', (_request, reply) => reply.headers(pageHeaders).redirect('/ui/', 302))
  app.get('/ui/', (request, reply) => sendAsset(request, reply, 'index.html'))
  app.get<{ Params: { name: string } }>('/ui/:name', (request, reply) =>
    sendAsset(request, reply, request.params.name),
  )
}

interface Nodes {
  Querystring: { readonly nodes?: string }
}

interface Asked {
  Querystring: { readonly node?: string | string[] }
}

/** The texts are JSON already. */
function json(reply: FastifyReply): FastifyReply {
  return reply
    .headers(pageHeaders)
    .header('cache-control', 'no-store')
    .type('application/json')
    .serializer((text: string) => text)
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, name: string): FastifyReply {
  const asset = assets().get(name)
  if (asset === undefined) return json(reply).code(404).send('{"error":"There is no such file."}')
  // After an upgrade of the guard a browser gets the new page at once.
  reply.headers(pageHeaders).header('cache-control', 'no-cache').header('etag', asset.etag)
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send()
  return reply.type(asset.type).send(asset.body)
}

function sendWhatIf(
  { query }: FastifyRequest<Asked>,
  reply: FastifyReply,
  source: PageSource,
  pace: WhatIfPace,
): FastifyReply {
  const names = [...new Set([query.node ?? []].flat())]
  const refuse = (code: number, error: string): FastifyReply =>
    json(reply)
      .code(code)
      .send(escapedText(JSON.stringify({ error })))
  if (names.length === 0) return refuse(400, 'Name the nodes: ?node=node-1&node=node-2')
  if (names.length > mostNodes) return refuse(400, `Name ${mostNodes} nodes at most.`)
  const { synced, unreadable } = source.parts().map
  if (!synced || unreadable > 0)
    return refuse(503, 'The guard has not read every Longhorn object, so it cannot answer.')
  const { map } = source.whatIf
  const unknown = names.find((name) => map.node(name) === undefined)
  if (unknown !== undefined) return refuse(404, `There is no Longhorn node ${unknown}.`)
  const { waitSeconds } = pace
  if (waitSeconds > 0) {
    reply.header('retry-after', String(waitSeconds))
    return refuse(503, `This server has just answered another question. Ask again in ${waitSeconds} s.`)
  }
  return json(reply).send(escapedText(JSON.stringify(pace.measured(() => whatIf(names, source.whatIf)))))
}

function stream(
  reply: FastifyReply,
  feed: StateFeed,
  { records, trend, story }: PageSource,
  clock: Clock,
  closed: () => void,
): void {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...pageHeaders,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Proxies would collect it first.
    'x-accel-buffering': 'no',
  })
  const trendNow = (): FeedEvent => ({ name: 'trend', data: JSON.stringify(trend.trend()) })
  const storyNow = (): FeedEvent[] =>
    story ? [{ name: 'story', data: escapedText(JSON.stringify(story.lines())) }] : []
  const events = new EventStream(
    raw,
    () => [
      { name: 'state', data: feed.state() },
      { name: 'records', data: `[${linesAsList(records.lines().slice(-firstRecords))}]` },
      trendNow(),
      ...storyNow(),
    ],
    clock,
  )
  const ends = [
    feed.follow((event) => events.send(event)),
    records.subscribe((line) => events.send({ name: 'record', data: line.trimEnd() })),
    trend.subscribe(() => events.send(trendNow())),
    story?.subscribe(() => {
      for (const event of storyNow()) events.send(event)
    }),
  ]
  raw.on('close', () => {
    for (const end of ends) end?.()
    closed()
  })
  events.begin()
}

function linesAsList(lines: readonly string[]): string {
  return lines.map((line) => line.trimEnd()).join(',')
}
