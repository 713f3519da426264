import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  assumption,
  isAssumed,
  knowledgeOf,
  newestKnown,
  type Profile,
  profileOf,
  profiles,
} from '../../src/longhorn/releases.ts'
import { root } from '../fixtures/root.ts'

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

/** As vendors and Longhorn itself call what they build from a release or after it. */
const suffixed: Readonly<Record<string, Profile>> = {
  '1.6.4-hotfix-1': 'none',
  '1.7.4-hotfix-1': 'C',
  '1.8.0-hotfix-1': 'A',
  '1.8.1-hotfix-1': 'B',
  '1.8.1-hotfix-2-rc1': 'B',
  '1.9.0-hotfix-1': 'B',
  '1.9.1-hotfix-1': 'C',
  '1.10.0-hotfix-1': 'C',
  '1.10.0-hotfix-20250901': 'C',
  '1.10.0-hotfix1': 'C',
  '1.7.4-rancher1': 'C',
  '1.8.0-rancher1': 'A',
  '1.8.1-harvester1': 'B',
  '1.8.2-rancher1': 'C',
  '1.8.2-rancher1-1': 'C',
  '1.8.2-harvester1': 'C',
  '1.8.1-10.3': 'B',
  '1.8.1-suse.2': 'B',
  '1.9.0-hotfix-20250801': 'B',
  '1.8.1-14-g3f2a9c1': 'B',
  '1.8.1+build7': 'B',
  '1.8.1+git.3f2a': 'B',
  '1.8.1+up1.8.1': 'B',
  '1.8.1_up1.8.1': 'B',
  '1.8.2+up1.8.2': 'C',
  '1.8.2_up1.8.2': 'C',
  '1.8.2-rancher1+up1.8.2': 'C',
  '105.1.0+up1.8.1': 'B',
  '105.1.2+up1.8.2': 'C',
  '106.0.0+up1.9.0-rc1': 'A',
  '103.3.0+up1.6.2': 'none',
}

/** A text that says it is older than its number counts as a pre-release, in any place and notation. */
const early: Readonly<Record<string, Profile>> = {
  '1.8.2-RC1': 'B',
  '1.8.2-rc.1': 'B',
  '1.8.2-rc1-hotfix-1': 'B',
  '1.8.2-alpha.1': 'B',
  '1.8.2-beta2': 'B',
  '1.8.2-preview': 'B',
  '1.8.2-dev-20250706': 'B',
  '1.8.2-nightly.20250706': 'B',
  '1.8.2-prerelease.1': 'B',
  '1.8.2-pre-release': 'B',
  '1.8.2-devel': 'B',
  '1.8.2-develop.3': 'B',
  '1.8.2-daily-20250706': 'B',
  '1.8.2-unstable': 'B',
  '1.8.2-edge': 'B',
  '1.8.2-trunk.7': 'B',
  '1.8.2-rancher1-rc1': 'B',
  '1.8.2-harvester-dev': 'B',
  '1.8.2+dev.3f2a': 'B',
  '1.10.0-head': 'B',
}

/** Two releases in one name: the more dangerous counts, also where one of them has no backing images to evict. */
const pairs: Readonly<Record<string, Profile>> = {
  '1.8.2+up1.8.1': 'B',
  '1.8.1+up1.8.2': 'B',
  '1.8.2+up1.8.0': 'A',
  '1.6.4+up1.8.2': 'C',
}

for (const [what, table] of Object.entries({
  'a release': releases,
  'a pre-release': preReleases,
  'a branch build': branches,
  'a build with a suffix': suffixed,
  'a build from before its release': early,
  'a name of two releases': pairs,
})) {
  t.test(`${what} has the profile of its line in the table, with and without v`, (t) => {
    for (const [release, profile] of Object.entries(table)) {
      t.equal(profileOf(release), profile, release)
      t.equal(profileOf(`v${release}`), profile, `v${release}`)
    }
    t.end()
  })
}

t.test('a release that names none counts as A, the most dangerous', (t) => {
  t.equal(profileOf(undefined), 'A')
  for (const release of [
    ...['', 'v', 'master-head', 'latest', 'nonsense', '1.8', 'v1.10', '1.10.0.1', 'vv1.10.0', 'V1.10.0'],
    ...[' v1.10.0', 'v1.10.0\n', 'v1.10.0-', 'v1.10.0+', '1.x.x-head', '-1.10.0', '１.10.0'],
    // A chart's number is no release, and of two names both have to be readable.
    ...['105.1.0', '105.1.0+build', '105.1.0+up105.1.0', '105.1.0+uplatest', '1.10.0+up1.10', 'x+up1.10.0'],
    ...['v1.10.0+a b', 'v1.10.0@sha256:3f2a', 'v1.10.0-hotfix 1', 'v1.10.0+a\nb'],
  ]) {
    t.equal(profileOf(release), 'A', JSON.stringify(release))
  }
  t.end()
})

t.test('a release of a later line is newer than is known, and counts as the newest known line', (t) => {
  for (const release of [
    'v1.13.0',
    '1.13.0-rc1',
    'v1.13.x-head',
    'v2.0.0',
    '110.0.0+up1.13.0',
    'v1.13.0+up1.12.1',
  ]) {
    t.equal(knowledgeOf(release), 'newer', release)
    t.ok(isAssumed(release), release)
    t.equal(profileOf(release), profileOf(`${newestKnown}.0`), release)
  }
  t.equal(
    assumption('v1.13.0'),
    'Longhorn v1.13.0 is newer than this version of Holdfast knows, so it is judged as v1.12 (profile C).',
  )
  t.end()
})

t.test('a later patch of a known line is known', (t) => {
  for (const release of ['v1.12.1', 'v1.12.9', 'v1.12.x-head', 'v1.12.2-hotfix-1', 'v0.8.1']) {
    t.equal(knowledgeOf(release), 'known', release)
    t.notOk(isAssumed(release), release)
  }
  for (const release of ['master-head', undefined]) t.equal(knowledgeOf(release), 'unnamed')
  t.end()
})

t.test('the facts, the docs and the program name the same newest line', (t) => {
  const page = (path: string) => readFileSync(join(root, path), 'utf8')
  t.match(page('docs/facts/longhorn.md'), `releases 1.6.4 to ${newestKnown.slice(1)}.`)
  t.match(page('docs/releases.md'), `The newest line that this version knows is ${newestKnown}.`)
  t.end()
})

t.test('docs/releases.md has the profile of each name', (t) => {
  const rows = readFileSync(join(root, 'docs/releases.md'), 'utf8').matchAll(/^\| (`.+?) \| (.+?) \|/gm)
  const documented = new Map(
    [...rows].flatMap(([, names = '', as = '']) => namesIn(names).map((name) => [name, as])),
  )
  const table: Readonly<Record<string, Profile>> = {
    ...releases,
    ...preReleases,
    ...branches,
    ...suffixed,
    ...early,
    ...pairs,
  }
  t.ok(documented.size > 20)
  for (const [name, as] of documented) {
    const expected = as.startsWith('unknown') ? 'A' : table[name.replace(/^v/, '')]
    t.equal(profileOf(name), expected, name)
    if (as === 'its release') t.equal(profileOf(name), profileOf(/\d+\.\d+\.\d+/.exec(name)?.[0]), name)
  }
  t.end()
})

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

t.test('the profiles stand in order of danger', (t) => {
  t.same(profiles, ['A', 'B', 'C', 'none'])
  t.end()
})
