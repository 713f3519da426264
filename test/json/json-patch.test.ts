import t from 'tap'
import { jsonPatch } from '../../src/json/patch.ts'

t.test('a path that is no JSON pointer makes a patch malformed', (t) => {
  for (const path of ['spec', '\ud800', ' /spec', '~1']) {
    for (const patch of [
      { op: 'replace', path, value: 1 },
      { op: 'copy', from: path, path: '/a' },
    ])
      t.match(jsonPatch({ spec: 0 }, [patch]), { ok: false, fits: false })
  }
  t.end()
})

t.test('the empty path is the whole', (t) => {
  t.strictSame(jsonPatch({ a: 1 }, [{ op: 'test', path: '', value: { a: 1 } }]), {
    ok: true,
    value: { a: 1 },
  })
  t.end()
})
