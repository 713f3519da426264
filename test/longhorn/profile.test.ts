import t from 'tap'
import { profileOf, profiles, type Profile } from '../../src/longhorn/profile.ts'

/** The profile of each release, as longhorn.md §2 has it. */
const releases: Readonly<Record<string, Profile>> = {
  '0.8.1': 'none',
  '1.0.0': 'none',
  '1.5.5': 'none',
  '1.6.0': 'none',
  '1.6.4': 'none',
  '1.7.0': 'A',
  '1.7.1': 'A',
  '1.7.2': 'A',
  '1.7.3': 'A',
  '1.7.4': 'C',
  '1.7.5': 'C',
  '1.8.0': 'A',
  '1.8.1': 'B',
  '1.8.2': 'C',
  '1.8.3': 'C',
  '1.9.0': 'B',
  '1.9.1': 'C',
  '1.9.2': 'C',
  '1.10.0': 'C',
  '1.10.1': 'C',
  '1.11.0': 'C',
  '1.12.1': 'C',
  '2.0.0': 'C',
}

/** The more dangerous of the release itself and of what came before it. */
const preReleases: Readonly<Record<string, Profile>> = {
  '1.6.4-rc1': 'none',
  '1.7.0-rc1': 'A',
  '1.7.3-rc2': 'A',
  '1.7.4-rc1': 'A',
  '1.7.5-rc1': 'C',
  '1.8.0-rc1': 'A',
  '1.8.1-rc1': 'A',
  '1.8.2-rc1': 'B',
  '1.8.3-rc1': 'C',
  '1.9.0-rc1': 'A',
  '1.9.1-rc2': 'B',
  '1.9.2-rc1': 'C',
  '1.10.0-rc1': 'B',
  '1.10.0-dev-20250706': 'B',
  '1.10.1-rc1': 'C',
  '1.11.0-rc1': 'C',
}

/** Any commit of the line: what came before its first release, if that is the more dangerous. */
const branches: Readonly<Record<string, Profile>> = {
  '1.5.x-head': 'none',
  '1.6.x-head': 'none',
  '1.7.x-head': 'A',
  '1.8.x-head': 'A',
  '1.9.x-head': 'A',
  '1.9.x': 'A',
  '1.10.x-head': 'B',
  '1.11.x-head': 'C',
}

for (const [what, table] of Object.entries({
  'a release': releases,
  'a pre-release': preReleases,
  'a branch build': branches,
})) {
  t.test(`${what} has the profile of its line in the table, with and without v`, (t) => {
    for (const [release, profile] of Object.entries(table)) {
      t.equal(profileOf(release), profile, release)
      t.equal(profileOf(`v${release}`), profile, `v${release}`)
    }
    t.end()
  })
}

t.test('a release that cannot be told counts as A, the most dangerous', (t) => {
  t.equal(profileOf(undefined), 'A')
  for (const release of [
    ...['', 'v', 'master-head', 'latest', 'nonsense', '1.8', 'v1.10', '1.10.0.1', 'vv1.10.0', 'V1.10.0'],
    ...[' v1.10.0', 'v1.10.0\n', 'v1.10.0-', 'v1.10.0+build', '1.x.x-head', '-1.10.0', '１.10.0'],
  ]) {
    t.equal(profileOf(release), 'A', JSON.stringify(release))
  }
  t.end()
})

t.test('the profiles stand in order of danger', (t) => {
  t.same(profiles, ['A', 'B', 'C', 'none'])
  t.end()
})
