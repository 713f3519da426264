import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from '../fixtures/root.ts'

const script = join(root, 'examples/integrations/cluster-api-evict.sh')
const hook = 'pre-drain.delete.hook.machine.cluster.x-k8s.io/holdfast'

/**
 * Runs the script with a management cluster of these machines, and returns its actions in order.
 *
 * @param machines lines of `namespace|name|node|deleted`
 * @param full nodes that cannot be emptied
 */
function run(
  t: Test,
  machines: readonly string[],
  { full = [], hooks = hook }: { full?: string[]; hooks?: string } = {},
) {
  const folder = t.testdir({
    machines: machines.map((line) => `${line}\n`).join(''),
    kubectl: `#!/usr/bin/env bash
case "$*" in
  *--all-namespaces*) cat "$FOLDER/machines" ;;
  *get*) printf '{"%s":"platform"}' "$HOOKS" ;;
  *annotate*) echo "kubectl $*" >>"$FOLDER/log" ;;
esac
`,
    holdfast: `#!/usr/bin/env bash
echo "holdfast $*" >>"$FOLDER/log"
for node in $FULL; do [[ " $* " == *" $node "* ]] && exit 1; done
exit 0
`,
    log: '',
  })
  spawnSync('chmod', ['+x', join(folder, 'kubectl'), join(folder, 'holdfast')])
  const { status, stderr } = spawnSync('bash', [script], {
    encoding: 'utf8',
    env: {
      PATH: `${folder}:${process.env.PATH ?? ''}`,
      FOLDER: folder,
      FULL: full.join(' '),
      HOOKS: hooks,
      MANAGEMENT: 'm.kubeconfig',
      WORKLOAD: 'w.kubeconfig',
    },
  })
  const log = readFileSync(join(folder, 'log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return { status, stderr, log }
}

const deleted = '2026-12-01T00:00:00Z'
const emptied = (node: string) => `holdfast --kubeconfig w.kubeconfig evict ${node} --timeout 2h`
const letGo = (machine: string) =>
  `kubectl --kubeconfig m.kubeconfig annotate machines.cluster.x-k8s.io ${machine} -n clusters ${hook}-`

t.test('a machine that is deleted is let go once its node is empty, and others are left alone', (t) => {
  const { status, log } = run(t, ['clusters|a|node-1|', `clusters|b|node-2|${deleted}`])
  t.equal(status, 0)
  t.strictSame(log, [emptied('node-2'), letGo('b')])
  t.end()
})

t.test('a node that is not empty keeps its machine, and the next one gets its turn', (t) => {
  const machines = [`clusters|a|node-1|${deleted}`, `clusters|b|node-2|${deleted}`]
  const { status, stderr, log } = run(t, machines, { full: ['node-1'] })
  t.equal(status, 0)
  t.match(stderr, 'a: node node-1 is not empty yet')
  t.strictSame(log, [emptied('node-1'), emptied('node-2'), letGo('b')])
  t.end()
})

t.test('the script lets a machine without a node go, and passes over one without the hook', (t) => {
  t.strictSame(run(t, [`clusters|a||${deleted}`]).log, [letGo('a')])
  t.strictSame(run(t, [`clusters|a|node-1|${deleted}`], { hooks: 'other' }).log, [])
  t.end()
})
