import t from 'tap'
import { isFrom } from '../../src/longhorn/releases.ts'

t.test('a release is from a version on if one of its meanings is, or if it names none', (t) => {
  const since = (release: string | undefined) => isFrom(release, [1, 10, 1])
  const from = [
    'v1.10.1',
    '1.10.1-rc1',
    'v1.10.x-head',
    'v1.11.0',
    'v2.0.0',
    '1.9.2+up1.10.1',
    '105.1.0+up1.10.1',
  ]
  for (const release of [...from, 'master-head', '', undefined]) t.ok(since(release), String(release))
  for (const release of ['v1.10.0', 'v1.9.2', 'v1.9.x-head', 'v0.99.9', '105.1.0+up1.10.0'])
    t.notOk(since(release), release)
  t.end()
})
