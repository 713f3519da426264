import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { platforms } from '../../.github/scripts/bases.ts'
import { checksums } from '../../.github/scripts/checksums.ts'
import { taskNames } from '../../.github/scripts/release.ts'
import { env, helm, skip } from '../charts/helm.ts'
import { read } from '../docs/pages.ts'
import { typescript } from '../fixtures/main.ts'
import { root } from '../fixtures/root.ts'

interface Workflow {
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly needs?: string | readonly string[]
        readonly permissions?: Readonly<Record<string, string>>
        readonly steps?: readonly {
          readonly run?: string
          readonly with?: Readonly<Record<string, unknown>>
        }[]
      }
    >
  >
}

const { jobs } = parse(read('.github/workflows/release.yml')) as Workflow
const { version } = JSON.parse(read('package.json')) as { readonly version: string }

/** Runs a task as the workflow does. */
function task(...args: readonly string[]) {
  const script = join(root, '.github/scripts/release.ts')
  return spawnSync(process.execPath, [typescript, script, ...args], {
    encoding: 'utf8',
    cwd: root,
    env: { ...env, npm_config_cache: join(tmpdir(), 'holdfast-npm') },
  })
}

function commandsOf(job: string): string {
  return (jobs[job]?.steps ?? []).map(({ run }) => run ?? '').join('\n')
}

t.test('every task that the workflow runs is one of the script', (t) => {
  const run = Object.keys(jobs).map(commandsOf).join('\n')
  const named = [...run.matchAll(/node \.github\/scripts\/release\.ts (\S+)/g)].flatMap(
    ([, name]) => name ?? [],
  )
  t.strictSame(named.toSorted(), ['bases', 'check', 'image', 'notes', 'pack'])
  for (const name of named) t.ok(taskNames.includes(name), name)
  t.end()
})

t.test('nothing is published before the versions are checked and all tests have passed', (t) => {
  const before = (job: string): string[] =>
    [jobs[job]?.needs ?? []].flat().flatMap((name) => [name, ...before(name)])
  for (const job of ['npm', 'image', 'chart', 'release']) {
    t.ok(before(job).includes('check'), job)
    t.ok(before(job).includes('tests'), job)
  }
  t.ok(before('chart').includes('image'), 'the chart names the image')
  t.end()
})

t.test('package, image, chart and checksums are signed by the workflow itself', (t) => {
  // npm takes files/x for the repository x of the user files on GitHub.
  t.match(commandsOf('npm'), /npm publish "\.\/files\/\S+" --provenance/)
  t.match(commandsOf('image'), /cosign sign --yes .*\n *cosign attest --yes --type cyclonedx/)
  t.match(commandsOf('chart'), 'cosign sign --yes')
  t.match(commandsOf('files'), 'cosign sign-blob --yes')
  for (const job of ['npm', 'image', 'chart', 'files'])
    t.equal(jobs[job]?.permissions?.['id-token'], 'write', job)
  t.end()
})

t.test('the release builds the image for amd64 and arm64 and pushes it', (t) => {
  t.strictSame(platforms, ['linux/amd64', 'linux/arm64'])
  const run = commandsOf('image')
  t.match(run, 'release.ts image "localhost/holdfast:$VERSION"')
  t.match(run, /buildah manifest push --all --format oci .* "localhost\/holdfast:\$VERSION"/)
  t.notMatch(run, 'docker build')
  t.end()
})

t.test('a release takes no base without a digest', (t) => {
  t.match(commandsOf('check'), 'release.ts bases')
  t.equal(task('bases').status, 0)
  const tag = 'docker.io/library/node:24.1.0-slim'
  const file = join(t.testdir({ Dockerfile: `ARG NODE=${tag}\nFROM \${NODE}\n` }), 'Dockerfile')
  const { status, stderr } = task('bases', file)
  t.equal(status, 1)
  t.match(stderr, `${tag}, without a digest\n`)
  t.match(stderr, /npm run image:bases writes the digests, then commit\n$/)
  t.end()
})

t.test('no job has a right that it does not name', (t) => {
  t.match(parse(read('.github/workflows/release.yml')), { permissions: { contents: 'read' } })
  const writing = Object.entries(jobs).filter(([, { permissions }]) => permissions?.contents === 'write')
  t.strictSame(
    writing.map(([name]) => name),
    ['release'],
  )
  t.end()
})

t.test('check fails before a release, and names the missing step', (t) => {
  const other = task('check', 'v99.0.0')
  t.match(other, { status: 1, stdout: '', stderr: /package\.json: version is .*, not v99\.0\.0\n/ })
  t.match(task('check', 'latest'), { status: 1, stderr: /latest is no tag of a release/ })
  const own = task('check', `v${version}`)
  const isOut = !/^## .*not released/m.test(read('CHANGELOG.md'))
  t.match(
    own,
    isOut ? { status: 0, stdout: `version=${version}\n` } : { status: 1, stderr: /not released yet/ },
  )
  t.match(task('publish'), { status: 2, stderr: /no task publish; there are check, notes, pack/ })
  t.end()
})

t.test('checksums are those of sha256sum', (t) => {
  const folder = t.testdir({ b: 'second', a: 'first', 'SHA256SUMS.sigstore.json': '{}', sub: {} })
  const text = checksums(folder)
  t.equal(
    text,
    ['a', 'b']
      .map(
        (name) =>
          `${createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex')}  ${name}\n`,
      )
      .join(''),
  )
  writeFileSync(join(folder, 'SHA256SUMS'), text)
  const checked = spawnSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' })
  t.match(checked, { status: 0, stdout: 'a: OK\nb: OK\n' })
  t.throws(() => checksums(t.testdir({})), /no file/)
  t.end()
})

t.test(
  'pack makes the package, the manifest for Krew, the chart, the bill of materials and checksums',
  { skip },
  (t) => {
    const folder = join(t.testdir(), 'files')
    const made = task('pack', folder)
    t.equal(made.status, 0, made.stderr)
    t.strictSame(readdirSync(folder).toSorted(), [
      'SHA256SUMS',
      `holdfast-${version}.cdx.json`,
      `holdfast-${version}.tgz`,
      `holdfast-chart-${version}.tgz`,
      'holdfast.yaml',
    ])
    const checked = spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder })
    t.equal(checked.status, 0)
    const chart = join(folder, `holdfast-chart-${version}.tgz`)
    t.match(helm('show', 'chart', chart).stdout, `appVersion: ${version}`)
    const inside = spawnSync('tar', ['-tzf', chart], { encoding: 'utf8' }).stdout
    for (const name of ['README.md', 'questions.yaml', 'app-readme.md', 'values.schema.json'])
      t.match(inside, `holdfast/${name}\n`)
    t.match(helm('template', 'holdfast', chart, '--namespace', 'holdfast', '--kube-version', '1.36.0'), {
      ok: true,
    })
    const npm = spawnSync('tar', ['-tzf', join(folder, `holdfast-${version}.tgz`)], {
      encoding: 'utf8',
    }).stdout
    t.match(npm, 'package/package.json\n')
    t.end()
  },
)
