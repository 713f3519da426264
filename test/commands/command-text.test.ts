import t from 'tap'
import { commandText } from '../../src/commands/options/command-text.ts'

const usual = { longhornNamespace: 'longhorn-system' }

t.test('a command to copy is about the same cluster, as the same person', (t) => {
  t.equal(commandText(['evict', 'node-1'], usual), 'holdfast evict node-1')
  const flags = {
    longhornNamespace: 'storage',
    namespace: 'guard',
    context: 'arn:aws:eks:eu-west-1:1:cluster/lab',
    kubeconfig: '/home/ann/my configs/lab',
    as: "o'neil",
    asUid: '7',
    asGroup: ['ops', 'dev'],
  }
  t.equal(
    commandText(['reopen', 'node-1', '--disk', 'disk-2'], flags),
    "holdfast reopen node-1 --disk disk-2 --kubeconfig '/home/ann/my configs/lab' --context arn:aws:eks:eu-west-1:1:cluster/lab --namespace guard --longhorn-namespace storage --as 'o'\\''neil' --as-uid 7 --as-group ops --as-group dev",
  )
  t.end()
})
