import t from 'tap'
import { profileTable, worksOf } from '../../bench/report/profile.ts'

t.test('the time of a function counts as what it works on, for each answer', (t) => {
  const us = worksOf(
    [
      { name: '(idle)', url: '', us: 1_000 },
      { name: '(garbage collector)', url: '', us: 10 },
      { name: 'parseJson', url: 'file:///holdfast/src/doors/webhook/admission-review.ts', us: 100 },
      { name: 'judge', url: 'file:///holdfast/src/rules/judge.ts', us: 20 },
      { name: 'judged', url: 'file:///holdfast/src/rules/verdict.ts', us: 5 },
      { name: 'writev', url: '', us: 40 },
      { name: 'onread', url: 'node:internal/stream_base_commons', us: 30 },
      { name: 'lookup', url: 'file:///holdfast/node_modules/find-my-way/index.js', us: 2 },
      { name: 'all', url: 'file:///holdfast/node_modules/@fastify/ajv/index.js', us: 1 },
      { name: '', url: 'file:///holdfast/bench/reviews/servers.ts', us: 3 },
      { name: 'never', url: 'file:///holdfast/src/gate/gate.ts', us: 0 },
    ],
    10,
  )
  t.strictSame(us, {
    'collecting garbage': 1,
    'JSON.parse': 10,
    '`rules` of Holdfast': 2.5,
    'the kernel, OpenSSL and other native code': 4,
    'HTTP, TLS and streams of Node': 3,
    'find-my-way': 0.2,
    '@fastify/ajv': 0.1,
    'the handler of the bare server': 0.3,
  })
  t.end()
})

t.test('the table has a column for each profile, and sums up what is small everywhere', (t) => {
  const table = profileTable([
    { question: 'passes', server: 'bare', us: { 'JSON.parse': 20, small: 0.1, rare: 0.1 } },
    { question: 'passes', server: 'holdfast', us: { 'JSON.parse': 21, '`rules` of Holdfast': 2, rare: 0.2 } },
  ])
  t.strictSame(table.split('\n'), [
    '| microseconds for each review | bare `node:https`, JSON.parse: raises no danger, 9 KB | Holdfast: raises no danger, 9 KB |',
    '| --- | --- | --- |',
    '| JSON.parse | 20.0 | 21.0 |',
    '| `rules` of Holdfast | 0.0 | 2.0 |',
    '| all others | 0.2 | 0.2 |',
    '| together | 20.2 | 23.2 |',
    '',
  ])
  t.end()
})
