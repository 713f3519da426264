import t from 'tap'
import { isToday } from './binaries.ts'

t.test('an etcd of the PATH is taken if clusters of today have it', (t) => {
  const told = (version: string): string => `etcd Version: ${version}\nGit SHA: Not provided\n`
  for (const version of ['3.5.13', '3.5.21', '3.6.0', '3.10.1', '4.0.0'])
    t.ok(isToday(told(version)), version)
  for (const version of ['2.3.8', '3.4.23', '3.4.99', '3.5.0', '3.5.12'])
    t.notOk(isToday(told(version)), version)
  t.notOk(isToday(''), 'there is none')
  t.end()
})
