import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { basesOf, platforms } from '../../.github/scripts/bases.ts'
import { read } from '../docs/pages.ts'
import { contained, readUnpacked } from './contained.ts'
import { machineOf } from './elf.ts'
import { ownImage, type PushedImage } from './pushed.ts'
import { nodeAndDebian } from './stand-ins.ts'
import type { Unpacked } from './unpack.ts'

/** What two builds have made. */
interface Built extends Unpacked {
  /** For all platforms. */
  readonly first: readonly PushedImage[]
  /** For this machine's. */
  readonly second: readonly PushedImage[]
  /** The folder with the files of this machine's image. */
  readonly unpacked: string
}

/** The most that an image may have, in bytes. */
const most = { compressed: 75_000_000, unpacked: 180_000_000 }
const { version } = JSON.parse(read('package.json')) as { readonly version: string }

/** The tests of a built image. */
export function checks({ first, second, unpacked, programs, nodes }: Built): void {
  const image = readUnpacked(unpacked)
  const own = ownImage(first)
  /** Runs the image as a pod does. */
  const run = (args: readonly string[], entrypoint?: readonly string[]) => {
    const container = { args, env: {}, mounts: {}, ...(entrypoint && { entrypoint }) }
    const { program, args: all, env } = contained(image, container)
    const { status, stdout, stderr } = spawnSync(program, all, { env, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  /** The files in the root, or in a folder of it, that pass tests of `find`. */
  const find = (folder: string, ...tests: readonly string[]): string[] =>
    execFileSync('find', [join(image.root, folder), ...tests, '-printf', '%P\n'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line !== '')

  t.test('two builds of one commit have one digest', (t) => {
    t.equal(ownImage(second).digest, own.digest)
    t.match(own.digest, /^sha256:[0-9a-f]{64}$/)
    t.comment(first.map(({ platform, digest }) => `${platform} ${digest}`).join(', '))
    t.end()
  })

  t.test('the image is for amd64 and arm64, with one program and the Node of each', (t) => {
    t.strictSame(
      first.map(({ platform }) => platform),
      platforms,
    )
    for (const { platform, config } of first) {
      t.equal(`linux/${config.architecture}`, platform)
      t.equal(nodes.get(platform)?.machine, machineOf[platform], platform)
      t.strictSame(programs.get(platform), programs.get(own.platform), platform)
    }
    t.strictSame(find('holdfast', '-name', '*.node'), [], 'no file of the program is for one machine')
    t.end()
  })

  t.test('the image has every library that Node loads, on each platform', (t) => {
    for (const platform of platforms) {
      const { libraries = [], missing } = nodes.get(platform) ?? {}
      t.ok(libraries.includes('libc.so.6'), `${platform}: ${libraries.join(', ')}`)
      t.strictSame(missing, [], platform)
    }
    t.end()
  })

  t.test('the image has the labels of OCI, with its version and its commit', (t) => {
    const prefix = 'org.opencontainers.image.'
    const labels = Object.fromEntries(
      Object.entries(own.config.config.Labels).map(([name, value]) => [name.replace(prefix, ''), value]),
    )
    t.match(labels, {
      title: 'Holdfast',
      version,
      revision: '0'.repeat(40),
      created: '2023-11-14T22:13:20.000Z',
      licenses: 'Apache-2.0',
      source: 'https://github.com/holdfast-io/holdfast',
    })
    t.strictSame(
      Object.entries(labels).filter(([, value]) => value === ''),
      [],
    )
    t.equal(own.config.created, '2023-11-14T22:13:20Z')
    t.end()
  })

  t.test('the image is small', (t) => {
    for (const { platform, size } of first) {
      t.ok(size <= most.compressed, `${platform}: ${size} bytes compressed`)
      t.comment(`${platform}: ${(size / 1e6).toFixed(0)} MB compressed`)
    }
    const [bytes = ''] = execFileSync('du', ['-sb', image.root], { encoding: 'utf8' }).split('\t')
    t.ok(Number(bytes) <= most.unpacked, `${bytes} bytes unpacked`)
    t.comment(`${(Number(bytes) / 1e6).toFixed(0)} MB unpacked`)
    t.end()
  })

  t.test('the image has no shell, no npm and no manager of packages', (t) => {
    const names = 'sh bash dash ash busybox npm npx corepack yarn pnpm apt apt-get dpkg perl python3'.split(
      ' ',
    )
    const [head = '', ...rest] = names
    const named = ['-name', head, ...rest.flatMap((name) => ['-o', '-name', name])]
    t.strictSame(
      find('.', '(', '-type', 'f', '-o', '-type', 'l', ')', '-perm', '/111', '(', ...named, ')'),
      [],
    )
    t.strictSame(find('.', '-name', 'node_modules'), [])
    t.end()
  })

  t.test('the image leaves out the embedded cluster, and sandbox reports that', (t) => {
    const files = Object.keys(programs.get(own.platform) ?? {})
    t.ok(files.includes('dist/main.js'))
    t.ok(files.includes('dist/THIRD-PARTY-LICENSES.txt'))
    t.ok(files.includes('LICENSE'))
    t.strictSame(
      files.filter((path) => /embedded|sandbox|kubectl/.test(path)),
      [],
    )
    t.match(run(['sandbox']), { stderr: /image/ })
    t.end()
  })

  t.test('nothing in the image belongs to its user or gains rights', (t) => {
    t.strictSame(find('.', '-type', 'f', '-perm', '/6000'), [])
    for (const folder of ['holdfast', 'usr/local'])
      t.strictSame(
        find(folder, '-not', '-type', 'l', '(', '-perm', '/022', '-o', '-not', '-user', '0', ')'),
        [],
        folder,
      )
    t.end()
  })

  t.test('holdfast --version prints the version, as user 65532 and with a root that is read-only', (t) => {
    t.equal(image.user, '65532:65532')
    t.strictSame(run(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
    const look = `
      const { readFileSync, writeFileSync } = require('node:fs')
      const written = ['/a', '/tmp/a', '/holdfast/a', '/dev/a'].map((path) => {
        try { writeFileSync(path, ''); return path } catch (error) { return error.code }
      })
      const [, effective] = /CapEff:\\t(\\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))
      const [, gains] = /NoNewPrivs:\\t(\\d)/.exec(readFileSync('/proc/self/status', 'utf8'))
      const ids = [process.getuid(), process.getgid(), ...process.getgroups()]
      console.log(JSON.stringify({ ids, written, effective, gains, node: process.versions.node }))`
    // The chart's own test starts it by this name.
    const { stdout, stderr } = run(['-e', look], ['node'])
    t.equal(stderr, '')
    t.match(JSON.parse(stdout), {
      ids: [65532, 65532, 65532],
      written: ['EROFS', 'EROFS', 'EROFS', 'EROFS'],
      effective: '0000000000000000',
      gains: '1',
      node: nodeAndDebian(basesOf(read('Dockerfile'))[0]?.tag ?? '').node,
    })
    t.end()
  })
}
