import t from 'tap'
import { pagesWithVersions } from '../../.github/scripts/release.ts'
import { isPrerelease, otherVersions, versionPlaces } from '../../.github/scripts/versions.ts'
import { read } from '../docs/pages.ts'

const { version } = JSON.parse(read('package.json')) as { readonly version: string }

t.test('package, lock, chart, image, docs and examples name one version', (t) => {
  const places = versionPlaces(read, pagesWithVersions())
  t.strictSame(otherVersions(places, `v${version}`), [])
  const where = (path: string) => places.filter((place) => place.path === path).map(({ what }) => what)
  t.strictSame(where('charts/holdfast/Chart.yaml'), ['version', 'appVersion', 'image'])
  t.strictSame(where('Dockerfile'), ['version'])
  t.ok(where('docs/install.md').includes('image'))
  t.ok(where('examples/gitops/argocd-application.yaml').includes('targetRevision'))
  t.end()
})

t.test('a place with another version is named', (t) => {
  const files: Readonly<Record<string, string>> = {
    'package.json': '{"version":"1.2.3"}',
    'package-lock.json': '{"version":"1.2.2","packages":{"":{"version":"1.2.3"}}}',
    Dockerfile: 'LABEL org.opencontainers.image.version="1.2.0" \\\n',
    'charts/holdfast/Chart.yaml': 'version: 1.2.3\nappVersion: 1.2.4\n',
    'docs/a.md':
      'docker build --tag r.example/holdfast:1.2.1 .\nhelm --set image.tag=1.2.3\ngit checkout v1.2.5\nnpm i holdfast-1.2.6.tgz\n',
    'examples/b.yaml': '      tag: 1.2.3\n  targetRevision: v1.2.0\n',
  }
  const places = versionPlaces((path) => files[path] ?? '', ['docs/a.md', 'examples/b.yaml'])
  t.strictSame(
    otherVersions(places, 'v1.2.3').map(({ path, what, version: other }) => [path, what, other]),
    [
      ['package-lock.json', 'version', '1.2.2'],
      ['charts/holdfast/Chart.yaml', 'appVersion', '1.2.4'],
      ['Dockerfile', 'version', '1.2.0'],
      ['docs/a.md', 'image', '1.2.1'],
      ['docs/a.md', 'tag of the repository', '1.2.5'],
      ['docs/a.md', 'package', '1.2.6'],
      ['examples/b.yaml', 'targetRevision', '1.2.0'],
    ],
  )
  t.end()
})

t.test('a tag is v and a version, and a suffix makes it a pre-release', (t) => {
  for (const tag of ['1.2.3', 'v1.2', 'v1.2.3.4', 'v1.2.3+build', 'release', ''])
    t.throws(() => otherVersions([], tag), /is no tag of a release/, tag)
  t.strictSame(otherVersions([], 'v1.2.3-rc.1'), [])
  t.ok(isPrerelease('v1.2.3-rc.1'))
  t.notOk(isPrerelease('v1.2.3'))
  t.end()
})
