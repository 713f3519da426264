import t from 'tap'
import { isImpatient } from '../../src/rules/policy.ts'

const account = 'system:serviceaccount:harvester-system:harvester'
const actor = {
  username: account,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:harvester-system'],
}
const asked = (impatient: readonly string[], of = actor) =>
  isImpatient(of, { longhornNamespace: 'storage', impatient })

t.test('Longhorn’s own account never waits, whatever is configured', (t) => {
  t.ok(asked([], { username: 'system:serviceaccount:storage:longhorn-service-account', groups: [] }))
  t.notOk(
    asked([], { username: 'system:serviceaccount:longhorn-system:longhorn-service-account', groups: [] }),
  )
  t.notOk(asked([]))
  t.end()
})

t.test('a caller is named as a user, by a group, or as a service account', (t) => {
  for (const name of [account, 'system:serviceaccounts:harvester-system', 'harvester-system/harvester'])
    t.ok(asked(['nobody', name]), name)
  for (const name of [
    'harvester',
    'harvester-system',
    'harvester-system/other',
    'harvester-system/harvester/x',
    '',
  ])
    t.notOk(asked([name]), name)
  t.ok(asked(['ci/robot'], { username: 'ci/robot', groups: [] }), 'a user may have such a name too')
  t.end()
})
