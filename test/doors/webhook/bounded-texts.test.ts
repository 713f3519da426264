import t from 'tap'
import { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import { longestText } from '../../../src/text/plain-text.ts'
import { awaited, fakes, options } from './fake-gate.ts'
import { node, review } from './review-builder.ts'

const huge = 'x'.repeat(100_000)

/** A review that raises a flag, with these parts in it. */
function evict(metadata: object = {}, request: object = {}) {
  const base = review('Node', {
    before: node({ evictionRequested: false }, metadata),
    after: node({ evictionRequested: true }, metadata),
  })
  return { ...base, request: { ...base.request, ...request } }
}

async function reviewed(body: unknown) {
  const { gate, log, modules } = fakes()
  const answer = await new Reviewer(options, modules).review(body, '10s', awaited)
  return { answer, log, change: gate.asked[0]?.change }
}

t.test('names, uids, versions, users and groups of a review are cut where they come in', async (t) => {
  const named = { name: huge, namespace: huge, uid: huge, resourceVersion: huge }
  const userInfo = { username: huge, groups: Array.from({ length: 2_000 }, () => huge) }
  const { change } = await reviewed(evict(named, { name: huge, userInfo }))
  const { metadata } = change?.after ?? {}
  t.ok(metadata)
  const { name, namespace, uid, resourceVersion } = metadata ?? {}
  const { username, groups = [] } = change?.request.actor ?? {}
  for (const text of [name, namespace, uid, resourceVersion, username, ...groups])
    t.equal(text?.length, longestText)
  t.equal(groups.length, 1_000)
})

t.test('a review with a uid that no API server gives is rejected', async (t) => {
  t.match((await reviewed(evict({}, { uid: huge }))).answer, { ok: false, problem: /request\.uid/ })
  t.match((await reviewed(evict({}, { uid: 'u'.repeat(longestText) }))).answer, { ok: true })
  t.match((await reviewed({ request: { uid: huge } })).answer, { ok: false })
})

t.test('an error in an object is one line, however long its keys and texts', async (t) => {
  const disks = { [huge]: { evictionRequested: huge } }
  const { answer, log } = await reviewed(
    review('Node', { before: node({ disks: {} }, { name: huge }), after: node({ disks }, { name: huge }) }),
  )
  t.match(answer, { ok: true })
  const [line] = log.lines
  t.match(line?.fields, { problem: /spec\.disks\.x+ must be/ })
  t.ok(JSON.stringify(line?.fields).length < 5_000)
})
