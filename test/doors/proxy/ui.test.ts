import { once } from 'node:events'
import http from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { idle, sandboxed } from './sandboxed.ts'

/** Longhorn's UI before a proxy, on a release. */
async function uiOf(t: Test, release: string) {
  const of = { api: 'longhorn', userHeader: undefined } as const
  const { sandbox, port } = await sandboxed(t, of, { release, longhorn: idle })
  /** As its nginx passes on what the browser asks: each request says that it could upgrade, and none does. */
  const click = async (method: string, path: string, body?: object) => {
    const sent = body === undefined ? undefined : JSON.stringify(body)
    const request = http.request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: {
        Connection: 'upgrade',
        'X-Forwarded-Host': 'ui.example',
        'X-Real-IP': '192.0.2.1',
        'X-Forwarded-For': '192.0.2.1',
        ...(sent !== undefined && { 'Content-Type': 'application/json', 'Content-Length': sent.length }),
      },
    })
    request.end(sent)
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage]
    const got = await text(answer)
    return {
      status: answer.statusCode,
      body: got === '' ? {} : (JSON.parse(got) as Record<string, unknown>),
    }
  }
  return { sandbox, click }
}

/** On each profile, whether a clean-up on a flagged node is held back (README, Rules). */
const releases = [
  { profile: 'A', release: 'v1.8.0', heldBack: true },
  { profile: 'B', release: 'v1.9.0', heldBack: true },
  { profile: 'C', release: 'v1.8.2', heldBack: false },
  { profile: 'none', release: 'v1.6.3', heldBack: false },
]

for (const { profile, release, heldBack } of releases) {
  const what = heldBack ? 'is refused with our message' : 'passes'
  t.test(`a clean-up that is clicked on a flagged node ${what}: profile ${profile}`, async (t) => {
    const { sandbox, click } = await uiOf(t, release)
    // Edit Node and Disks: the node as it was read, then all of its disks.
    const { body: node } = await click('GET', '/v1/nodes/node-1')
    const evicted = { ...node, allowScheduling: false, evictionRequested: true }
    t.equal((await click('PUT', '/v1/nodes/node-1', evicted)).status, 200)
    t.equal((await click('POST', '/v1/nodes/node-1?action=diskUpdate', { disks: node.disks })).status, 200)
    // Backing Image: the list, and the disks whose copies are ticked.
    t.equal((await click('GET', '/v1/backingimages')).status, 200)
    const disks = [sandbox.cluster.uuidOf('node-1/disk-1')]
    const clicked = await click('POST', '/v1/backingimages/ubuntu-22.04?action=backingImageCleanup', {
      disks,
    })
    if (heldBack) {
      const message =
        /^removing the copy of \S+ on \S+ of node-1 has to wait: .*\nWhy: .*rule cleanup-during-eviction/s
      t.match(clicked, { status: 500, body: { type: 'error', code: 'Internal Server Error', message } })
    } else {
      t.equal(clicked.status, 200, JSON.stringify(clicked.body))
    }
  })
}
