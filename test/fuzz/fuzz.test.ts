import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { batchSize, campaign, proxiesEvery, type CampaignOptions } from './campaign.ts'

/** The same cases each time. For others there is `npm run test:fuzz -- N --seed S`. */
const seed = 20_261_129

function some(cases: number, options: Partial<CampaignOptions> = {}): ReturnType<typeof campaign> {
  return campaign({ seed, first: 0, batches: cases / batchSize, proxiesEvery, ...options })
}

const messagesOf = ({ violations }: Awaited<ReturnType<typeof campaign>>): string[] =>
  violations.map(({ number, message, input }) => `seed ${seed}, number ${number}: ${message}\nsent: ${input}`)

t.test('every request to the webhook and the proxies is answered well, soon and safely', async (t) => {
  const came = await some(depth(150, 20_000))
  t.strictSame(messagesOf(came), [])
  t.ok(came.cases.reviews > 0 && came.cases.proxies > 0)
})

for (const rule of ['eviction-during-cleanup', 'cleanup-during-eviction'] as const) {
  t.test(`the fuzzer finds a write that crashes a manager without ${rule}`, async (t) => {
    const came = await some(20_000, { off: [rule], untilBroken: true, proxiesEvery: 0 })
    t.match(messagesOf(came), [/a write was admitted that crashes the manager of n\d/])
  })
}

t.test('the same through a proxy', async (t) => {
  // With the usual seed, this is shortly before the first such write.
  const first = depth(7, 0)
  const off = ['eviction-during-cleanup', 'cleanup-during-eviction'] as const
  const came = await some(20_000, { off, untilBroken: true, proxiesEvery: 1, first })
  t.match(messagesOf(came), [/a write went through the proxy before \w+ that crashes the manager of n\d/])
})
