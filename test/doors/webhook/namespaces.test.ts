import t, { type Test } from 'tap'
import { Reviewer, type ReviewOptions } from '../../../src/doors/webhook/reviewer.ts'
import type { JudgedKind } from '../../../src/rules/change.ts'
import { awaited, fakes, options } from './fake-gate.ts'
import { dataSource, image, node, review, type ReviewParts } from './review-builder.ts'

const there = { namespace: 'tenant' }
const raising = { before: node({}, there), after: node({ evictionRequested: true }, there) }
const harmless = { before: node({}, there), after: node({ tags: ['ssd'] }, there) }

/** Answers a review as if it came from this namespace, or from none. */
async function answerTo(
  kind: JudgedKind,
  parts: ReviewParts,
  { namespace, ...but }: Partial<ReviewOptions> & { readonly namespace?: string | undefined } = there,
) {
  const { gate, denials, modules } = fakes()
  const body = review(kind, parts)
  const request = { ...body.request, namespace }
  const reviewed = await new Reviewer({ ...options, ...but }, modules).review(
    { ...body, request },
    '10s',
    awaited,
  )
  if (!reviewed.ok) throw new Error(reviewed.problem)
  return { ...reviewed.value.response, asked: gate.asked.length, denials }
}

async function refused(t: Test, kind: JudgedKind, parts: ReviewParts, name: string) {
  t.match(await answerTo(kind, parts), {
    allowed: false,
    asked: 0,
    status: {
      code: 403,
      reason: 'Forbidden',
      message: `${kind} ${name} is in namespace tenant, and this guard follows Longhorn in namespace longhorn-system.`,
      details: { name, kind, causes: [{ reason: 'other-namespace' }] },
    },
    auditAnnotations: { decision: 'refuse', reason: 'other-namespace' },
    denials: [{ kind, name, why: 'other-namespace' }],
  })
}

t.test(
  'a change that could raise danger is denied with advice in a namespace that the guard ignores',
  async (t) => {
    await refused(t, 'Node', raising, 'n1')
    const copies = { before: image({ diskFileSpecMap: { a: {} } }, there), after: image({}, there) }
    await refused(t, 'BackingImage', copies, 'ubuntu')
    await refused(
      t,
      'BackingImageDataSource',
      { operation: 'CREATE', after: dataSource({ diskUUID: 'a' }, there) },
      'ubuntu',
    )
    const odd = { allowScheduling: 'yes' }
    await refused(
      t,
      'Node',
      { before: node(odd, there), after: node({ ...odd, evictionRequested: true }, there) },
      'n1',
    )
  },
)

t.test('a harmless request to Longhorn passes there, and does not count as judged', async (t) => {
  const odd = { before: node({ tags: 1 }, there), after: node({ tags: 2 }, there) }
  for (const parts of [harmless, odd]) {
    t.match(await answerTo('Node', parts), {
      allowed: true,
      asked: 0,
      warnings: [/does not judge UPDATE of nodes\.longhorn\.io in namespace tenant/],
      auditAnnotations: { decision: 'allow', reason: 'not-judged' },
      denials: [],
    })
  }
})

t.test('the namespace is that of the request, or else that of the object', async (t) => {
  t.match(await answerTo('Node', raising, { namespace: undefined }), { allowed: false, asked: 0 })
  t.match(await answerTo('Node', raising, { namespace: 'longhorn-system' }), { allowed: true, asked: 1 })
  const nowhere = { namespace: '' }
  const bare = { before: node({}, nowhere), after: node({ evictionRequested: true }, nowhere) }
  t.match(await answerTo('Node', bare, nowhere), { allowed: true, asked: 1 }, 'a file that names none')
  const elsewhere = { namespace: 'longhorn', longhornNamespace: 'longhorn' }
  t.match(await answerTo('Node', raising, elsewhere), { allowed: true, asked: 1 })
})

t.test('a guard that only warns lets it pass with a warning', async (t) => {
  t.match(await answerTo('Node', raising, { ...there, enforces: false }), {
    allowed: true,
    asked: 0,
    warnings: [/namespace tenant, and this guard follows Longhorn in namespace longhorn-system/],
    denials: [],
  })
})
