// Run by `npm run test:package`: builds and packs Holdfast as it is published, installs it in an empty folder, with an empty cache and
// without a network, and uses it as README says. The Node of the PATH runs all of it.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { linesOf, runProgram, startProgram } from '../commands/holdfast.ts'
import { hangMs } from '../fixtures/limits.ts'
import { root } from '../fixtures/root.ts'

/** The most that the package may have. */
const most = { files: 60, packedBytes: 2_000_000, unpackedBytes: 10_000_000 }

t.setTimeout(hangMs)
const folder = await mkdtemp(join(tmpdir(), 'holdfast-package-'))
t.teardown(() => rm(folder, { recursive: true }))
const bin = join(folder, 'installed/bin')
const env = {
  PATH: [bin, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
  HOME: folder,
  npm_config_cache: join(folder, 'cache'),
  npm_config_update_notifier: 'false',
}

/** Runs npm within the folder. @returns what it printed; its warnings too */
function npm(...args: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: folder, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stdout}${stderr}`)
  return { stdout, stderr }
}

execFileSync(process.execPath, [join(root, 'scripts/build.mjs')])
const pack = [join(root, 'scripts/pack.mjs'), folder]
const packed = JSON.parse(execFileSync(process.execPath, pack, { env, encoding: 'utf8' })) as [
  { filename: string; size: number; unpackedSize: number; files: { path: string; mode: number }[] },
]
const [{ filename, size, unpackedSize, files }] = packed
const tarball = join(folder, filename)
t.comment(`Node ${process.version}: ${files.length} files, ${size} bytes, ${unpackedSize} unpacked`)

t.test('the package is small, and has the bundle, its licences and no map without sources', (t) => {
  t.ok(files.length <= most.files, `${files.length} files`)
  t.ok(size <= most.packedBytes, `${size} bytes`)
  t.ok(unpackedSize <= most.unpackedBytes, `${unpackedSize} bytes unpacked`)
  const paths = files.map(({ path }) => path)
  for (const path of ['LICENSE', 'README.md', 'package.json', 'dist/THIRD-PARTY-LICENSES.txt'])
    t.ok(paths.includes(path), path)
  t.strictSame(
    paths.filter((path) => !path.startsWith('dist/')),
    ['LICENSE', 'README.md', 'package.json'],
  )
  t.strictSame(
    paths.filter((path) => path.endsWith('.map')),
    [],
  )
  t.end()
})

t.test('npm installs it without a network, without another package and without a warning', (t) => {
  const prefix = join(folder, 'installed')
  const { stderr } = npm('install', '--global', '--offline', '--prefix', prefix, tarball)
  t.equal(stderr, '')
  const installed = JSON.parse(npm('ls', '--global', '--prefix', prefix, '--all', '--json').stdout) as {
    dependencies: Record<string, { dependencies?: object }>
  }
  t.strictSame(Object.keys(installed.dependencies), ['holdfast'])
  t.equal(installed.dependencies.holdfast?.dependencies, undefined)
  t.end()
})

t.test('holdfast prints its version, without a warning of Node', async (t) => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  t.strictSame(await runProgram(join(bin, 'holdfast'), ['--version'], env), {
    code: 0,
    stdout: `${version}\n`,
    stderr: '',
  })
})

t.test('npx runs it without an installation', (t) => {
  const { stdout } = npm(
    'exec',
    '--offline',
    '--yes',
    '--package',
    tarball,
    '--',
    'holdfast',
    'sandbox',
    '--help',
  )
  t.match(stdout, /^Usage: holdfast sandbox \[options\]\n/)
  t.end()
})

t.test(
  'holdfast sandbox serves a cluster, a guard and the page, and kubectl holdfast looks at it',
  async (t) => {
    const sandbox = startProgram(join(bin, 'holdfast'), ['sandbox'], env, '')
    const said: string[] = []
    try {
      const until = linesOf(sandbox, said)
      const [, page = ''] = /(http:\S+)/.exec(await until(/Watch it in a browser/)) ?? []
      const [, kubeconfig = ''] = /export KUBECONFIG=(\S+)/.exec(await until(/export KUBECONFIG=/)) ?? []
      t.match(said.join('\n'), 'Manager crashes: 1 with the guard off, 0 with it on.')
      const withCluster = { ...env, KUBECONFIG: kubeconfig }
      const status = await runProgram(...plugin('status'), withCluster)
      t.match(status, { code: 0, stdout: /^node-1 /m, stderr: '' })
      t.match(await runProgram(...plugin('status', '--help'), env), {
        stdout: /^Usage: kubectl holdfast status /,
      })
      for (const [file, type] of Object.entries({ 'main.js': 'javascript', 'page.css': 'css', '': 'html' })) {
        const answer = await fetch(new URL(file, page))
        t.match([answer.status, answer.headers.get('content-type')], [200, new RegExp(type)], file)
      }
    } finally {
      sandbox.kill('SIGINT')
      t.equal(await sandbox.exit, 0, 'Ctrl-C ends it')
    }
  },
)

t.test('the manifest for Krew names the archive and a program that is in it', (t) => {
  const script = join(root, 'scripts/krew.mjs')
  const manifest: unknown = parse(execFileSync(process.execPath, [script, tarball], { encoding: 'utf8' }))
  const [sum] = execFileSync('sha256sum', [tarball], { encoding: 'utf8' }).split(' ')
  t.match(manifest, {
    kind: 'Plugin',
    metadata: { name: 'holdfast' },
    spec: { version: /^v\d/, platforms: [{ sha256: sum, bin: 'dist/kubectl-holdfast.js' }] },
  })
  const program = files.find(({ path }) => path === 'dist/kubectl-holdfast.js')
  t.equal((program?.mode ?? 0) & 0o111, 0o111, 'it can be executed')
  t.end()
})

/** `kubectl holdfast …`, or its program where there is no kubectl. */
function plugin(...args: readonly string[]): [program: string, args: readonly string[]] {
  const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0
  return hasKubectl ? ['kubectl', ['holdfast', ...args]] : [join(bin, 'kubectl-holdfast'), args]
}
