import t from 'tap'
import type { Pod } from '../../../src/commands/doctor/facts.ts'
import { checkReplicas, parseDeployment, parsePod } from '../../../src/commands/doctor/replicas.ts'
import { forbidden, levels, names, said } from './facts.ts'

const pod: Pod = { name: 'a', image: 'holdfast:1', ready: true, serves: true }

t.test('replicas have to answer, to be enough and to be of one version', (t) => {
  const down = { ...pod, ready: false }
  const cases: readonly (readonly [string, readonly Pod[], number, string, RegExp])[] = [
    ['as wanted', [pod, pod], 2, 'ok', /2 of 2 replicas of the guard are ready, all of image holdfast:1/],
    ['nobody', [], 0, 'error', /There is no guard in namespace holdfast/],
    ['not yet a pod', [], 2, 'error', /0 of 2 replicas/],
    ['none ready', [down, down], 2, 'error', /0 of 2 replicas[^]*every eviction is denied/],
    ['one is missing', [pod, down], 2, 'warn', /1 of 2 replicas of the guard are ready/],
    ['one alone', [pod], 1, 'warn', /only one replica/],
    ['two versions', [pod, { ...pod, image: 'holdfast:2' }], 2, 'warn', /holdfast:1, holdfast:2/],
    ['an old one leaves', [pod, pod, { ...down, image: 'old', serves: false }], 2, 'ok', /2 of 2/],
  ]
  for (const [what, pods, wanted, level, text] of cases) {
    const findings = checkReplicas({
      pods: { seen: pods },
      deployments: { seen: wanted === 0 ? [] : [{ name: 'holdfast', wanted }] },
      policies: forbidden,
      names,
    })
    t.strictSame(levels(findings), [level], what)
    t.match(said(findings), text, what)
  }
  t.end()
})

t.test('a guard outside any pod counts, if there are no pods', (t) => {
  const policy = {
    replica: 'laptop',
    modes: {},
    evictionCompletion: 'hold',
    release: null,
    callers: null,
  } as const
  const outside = { policies: { seen: [policy] }, names }
  const alone = checkReplicas({ pods: { seen: [] }, deployments: { seen: [] }, ...outside })
  t.strictSame(levels(alone), ['ok'])
  t.match(said(alone), 'A guard on this machine answers')
  const wanted = { seen: [{ name: 'x', wanted: 2 }] }
  t.strictSame(levels(checkReplicas({ pods: { seen: [] }, deployments: wanted, ...outside })), ['error'])
  t.end()
})

t.test('without the Deployment the pods are judged alone', (t) => {
  const findings = checkReplicas({
    pods: { seen: [pod, { ...pod, ready: false }] },
    deployments: forbidden,
    policies: forbidden,
    names,
  })
  t.strictSame(levels(findings), ['unknown', 'warn'])
  t.end()
})

t.test('pods and Deployments are read as Kubernetes writes them', (t) => {
  const raw = {
    metadata: { name: 'a', labels: { 'holdfast.dev/component': 'guard' } },
    spec: {
      containers: [
        { name: 'istio-proxy', image: 'istio' },
        { name: 'holdfast', image: 'holdfast:1' },
      ],
    },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  }
  t.strictSame(parsePod(raw), { ok: true, value: pod })
  const leaving = { ...raw, metadata: { ...raw.metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } }
  t.match(parsePod(leaving), { value: { serves: false } })
  const test = {
    metadata: { name: 't', labels: { 'holdfast.dev/component': 'test' } },
    spec: { containers: [] },
  }
  t.match(parsePod(test), { value: { image: '', ready: false, serves: false } })
  const proxy = {
    ...raw,
    metadata: { name: 'p', labels: { 'holdfast.dev/component': 'proxy-longhorn' } },
  }
  t.match(parsePod(proxy), { value: { ready: true, serves: false } })
  t.match(parseDeployment({ metadata: proxy.metadata, spec: { replicas: 2 } }), { value: { wanted: 0 } })
  const guard = { name: 'a', labels: { 'holdfast.dev/component': 'guard' } }
  const named = { metadata: guard, spec: { containers: [{ name: 'guard', image: 'x' }] } }
  t.match(parsePod(named), { value: { image: 'x', serves: true } })
  t.strictSame(parseDeployment({ metadata: guard, spec: {} }), {
    ok: true,
    value: { name: 'a', wanted: 1 },
  })
  t.end()
})
