import t, { type Test } from 'tap'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { comesTrue, guarded, namespace } from './guarded-cluster.ts'
import { linesOf, start } from './holdfast.ts'

/**
 * A cluster in which a clean-up is pending on node-1 that does not end by itself, and somebody evicts another disk of that
 * node with kubectl.
 */
async function kubectlWaits(t: Test) {
  const world = await guarded(t, {
    release: 'v1.8.0',
    times: { drainMs: 600_000 },
    settings: { settle: '0s', lostAfter: '10m' },
  })
  const uuid = world.sandbox.cluster.uuidOf('node-1/disk-1')
  const spec = { diskFileSpecMap: { [uuid]: null } }
  t.match(await world.ask('PATCH', 'backingimages/ubuntu-22.04', { spec }), { ok: true })
  const patch = JSON.stringify({
    spec: { disks: { 'disk-2': { allowScheduling: false, evictionRequested: true } } },
  })
  const kubectl = () =>
    world.follow(`kubectl -n ${namespace} patch nodes.longhorn.io node-1 --type merge -p '${patch}' 2>&1`)
  const waits = () => comesTrue(async () => /^holdfast_holds 1$/m.test(await world.metrics()))
  /** The clean-up ends. */
  const end = () =>
    world.ask('PATCH', 'backingimages/ubuntu-22.04/status', {
      status: { diskFileStatusMap: { [uuid]: null } },
    })
  return { ...world, kubectl, waits, end }
}

const cause = 'backing image ubuntu-22.04 is still being removed from disk-1'

t.test('status shows first who waits, for what, and how long it still can', { skip }, async (t) => {
  const { kubectl, waits, holdfast, end } = await kubectlWaits(t)
  const asked = kubectl()
  await waits()
  let stdout = ''
  await comesTrue(async () => {
    ;({ stdout } = await holdfast('status'))
    return /^evicting \S+ of \S+ +\S+ +[1-9]s /m.test(stdout)
  })
  t.match(
    stdout,
    new RegExp(
      `\\n\\nWAITING +USER +FOR +LEFT +CAUSE\\nevicting disk-2 of node-1 +\\S+ +\\ds +\\ds +${cause} \\(for \\d+s\\)\\n\\nNODE `,
    ),
  )
  const json = await holdfast('status', '-o', 'json')
  t.match(JSON.parse(json.stdout), {
    waiting: [
      {
        change: 'evicting disk-2 of node-1',
        door: 'webhook',
        causes: [{ rule: 'eviction-during-cleanup', image: 'ubuntu-22.04', since: String, progress: null }],
      },
    ],
  })
  await end()
  const { code, stdout: said } = await asked
  t.equal(code, 0, said)
  t.match(said, new RegExp(`Warning: evicting disk-2 of node-1 waited \\d+s for this: ${cause}`))
  t.notMatch((await holdfast('status')).stdout, 'WAITING')
})

t.test('one Event says that the request waits, another how the wait ended', { skip }, async (t) => {
  const { kubectl, waits, follow, end } = await kubectlWaits(t)
  const asked = kubectl()
  await waits()
  const events = () => follow(`kubectl -n ${namespace} get events -o custom-columns=R:.reason,M:.message`)
  const begun = new RegExp(
    `RequestWaits +evicting disk-2 of node-1 has to wait: ${cause} \\(for \\d+s\\) \\(asked by .*, webhook\\)\\. Holdfast answers within \\ds\\. If the request still has to wait then, kubectl retries\\.`,
  )
  await comesTrue(async () => begun.test((await events()).stdout))
  await end()
  t.equal((await asked).code, 0)
  await comesTrue(async () =>
    /RequestWaited +evicting disk-2 of node-1 waited \d+s \(asked by .*\)\. It was admitted\./.test(
      (await events()).stdout,
    ),
  )
})

t.test('the metrics name it, and how long it still can wait', { skip }, async (t) => {
  const { kubectl, waits, metrics, end } = await kubectlWaits(t)
  const asked = kubectl()
  await waits()
  const text = await metrics()
  t.match(text, 'holdfast_holds_by_node{node="node-1"} 1')
  t.match(
    text,
    /holdfast_hold_left_seconds\{node="node-1",.*,user=".+",.*change="evicting disk-2 of node-1",rule="eviction-during-cleanup",cause="backing image ubuntu-22.04 on disk-1 of node-1"\} \d/,
  )
  await end()
  await asked
  t.notMatch(await metrics(), 'change="evicting')
})

t.test('audit --follow shows the wait, and its end', { skip }, async (t) => {
  const { kubectl, waits, kubeconfig, end } = await kubectlWaits(t)
  const following = start(['audit', '--follow', '--kubeconfig', kubeconfig])
  t.teardown(following.end)
  const lines = linesOf(following)
  const asked = kubectl()
  await waits()
  t.match(
    await lines(/ waits /),
    new RegExp(`evicting disk-2 of node-1 +eviction-during-cleanup: ${cause} \\(for \\d+s\\), \\ds left$`),
  )
  await end()
  t.match(await lines(/ waited /), /evicting disk-2 of node-1 +admitted after \d+s$/)
  await asked
  following.kill('SIGINT')
  t.equal(await following.exit, 0)
})
