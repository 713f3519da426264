import t from 'tap'
import { fixedRelease } from '../../src/longhorn/releases.ts'

t.test('a release is put right by the next good one of its line, or of the next lines', (t) => {
  const cases: readonly (readonly [string | undefined, string | undefined])[] = [
    ['v1.7.0', 'v1.7.4'],
    ['v1.8.0', 'v1.8.2'],
    ['v1.8.1', 'v1.8.2'],
    ['v1.9.0', 'v1.9.1'],
    ['v1.9.x-head', 'v1.9.1'],
    ['v1.10.2', 'v1.10.0'],
    ['v1.8.1-hotfix-1', 'v1.8.2'],
    ['105.1.0+up1.8.1', 'v1.8.2'],
    ['105.1.0', undefined],
    ['v1.6.4', 'v1.7.4'],
    ['v0.8.1', 'v1.7.4'],
    ['v2.0.0', 'v2.0.0'],
    ['master-head', undefined],
    [undefined, undefined],
  ]
  for (const [release, fixed] of cases) t.equal(fixedRelease(release), fixed, release ?? 'no release')
  t.end()
})
