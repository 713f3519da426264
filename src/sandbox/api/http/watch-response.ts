import type { ServerResponse } from 'node:http'
import type { WatchEvent, WatchSink } from '../store/watch.ts'

/** More unsent bytes than this and a watcher is too slow: it is cut off, and lists again. */
const maxUnsentBytes = 16 * 1024 * 1024

/**
 * Writes a watch as an HTTP answer, one JSON event a line.
 *
 * @param show the object as the client wants it, e.g. as a table
 */
export function watchSink(response: ServerResponse, show: (event: WatchEvent) => unknown): WatchSink {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
  // A client takes the headers for the sign that the watch has begun.
  response.flushHeaders()
  return {
    send(event) {
      if (response.destroyed || response.writableEnded) return
      response.write(`${JSON.stringify({ type: event.type, object: show(event) })}\n`)
      if (response.writableLength > maxUnsentBytes) response.destroy()
    },
    end() {
      response.end()
    },
  }
}
