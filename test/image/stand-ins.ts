import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Base } from '../../.github/scripts/bases.ts'
import { platform } from './machine.ts'
import type { Store } from './store.ts'

// Where no registry can be reached, images that are made here stand in for the bases: of the packages of the same Debian, and with the
// same Node. They show that the Dockerfile builds on such bases and what it adds. They do not show the bases themselves.

/** The libraries that gcr.io/distroless/cc has, and no program. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6']
/** The part of Debian that npm needs to run scripts. */
const shell = ['base-files', 'bash', 'coreutils', 'dash', 'grep', 'sed']
const mark = 'dev.holdfast.stand-in'
const authorities = '/etc/ssl/certs/ca-certificates.crt'

const names: Readonly<Record<string, { readonly debian: string; readonly npm: string }>> = {
  'linux/amd64': { debian: 'amd64', npm: 'x64' },
  'linux/arm64': { debian: 'arm64', npm: 'arm64' },
}

/** The version of Node and the release of Debian in a tag such as `docker.io/library/node:24.1.0-trixie-slim`. */
export function nodeAndDebian(tag: string): { readonly node: string; readonly debian: string } {
  const [, node, debian] = /\/node:(\d+\.\d+\.\d+)-([a-z]+)-slim$/.exec(tag) ?? []
  if (node === undefined || debian === undefined)
    throw new Error(`The tests cannot make what stands in for ${tag}`)
  return { node, debian }
}

/** Makes the stand-ins under the names of the bases, unless the store has them already. */
export function makeStandIns(store: Store, [node, runtime]: readonly Base[]): void {
  if (node === undefined || runtime === undefined) throw new Error('The Dockerfile has two bases')
  const recipe = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(node.tag)
    .digest('hex')
  if ([node, runtime].every(({ tag }) => store.label(localName(tag, platform), mark) === recipe)) return
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bases-'))
  try {
    store.tidy(node.tag, runtime.tag)
    const versions = nodeAndDebian(node.tag)
    for (const each of Object.keys(names)) {
      const made = new Rootfs(folder, each)
      made.debian(versions.debian, libraries)
      made.account()
      made.commit(store, localName(runtime.tag, each), recipe)
      if (each === platform) {
        made.debian(versions.debian, [...libraries, ...shell])
        made.npm()
      }
      made.node(versions.node)
      made.commit(store, localName(node.tag, each), recipe)
    }
    for (const { tag } of [node, runtime]) {
      store.run('manifest', 'create', tag)
      for (const each of Object.keys(names)) store.run('manifest', 'add', tag, localName(tag, each))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The name of one platform's image. */
function localName(tag: string, each: string): string {
  return `localhost/${tag.replace(/^[^/]+\//, '').replace(/[/:]/g, '-')}:${each.replace('linux/', '')}`
}

/** The files of an image for a platform, whose programs need not run here. */
class Rootfs {
  readonly #folder: string
  readonly #platform: string
  readonly #env: string[] = []
  #root = ''

  constructor(folder: string, platform: string) {
    this.#folder = folder
    this.#platform = platform
  }

  /** Starts with packages of Debian, unpacked and not configured. */
  debian(release: string, packages: readonly string[]): void {
    this.#root = mkdtempSync(join(this.#folder, 'root-'))
    const { debian = '' } = names[this.#platform] ?? {}
    const flags = [
      '--quiet',
      '--mode=root',
      '--variant=extract',
      '--format=directory',
      `--architectures=${debian}`,
    ]
    this.#execute('mmdebstrap', ...flags, `--include=${packages.join(',')}`, release, this.#root)
    // base-files has these links, and Debian's programs are found through them.
    for (const name of ['bin', 'lib', 'lib64', 'sbin'])
      if (!existsSync(join(this.#root, name))) symlinkSync(`usr/${name}`, join(this.#root, name))
  }

  account(): void {
    writeFileSync(
      join(this.#root, 'etc/passwd'),
      'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
    )
    writeFileSync(join(this.#root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n')
  }

  /** Node, as npm's package of its binary has it. */
  node(version: string): void {
    const { npm = '' } = names[this.#platform] ?? {}
    const unpacked = this.#package(`node-linux-${npm}@${version}`)
    mkdirSync(join(this.#root, 'usr/local/bin'), { recursive: true })
    this.#execute('mv', join(unpacked, 'bin/node'), join(this.#root, 'usr/local/bin/node'))
  }

  /** npm, and what it needs to reach the registry that this machine uses. */
  npm(): void {
    const modules = join(this.#root, 'usr/local/lib/node_modules')
    mkdirSync(modules, { recursive: true })
    mkdirSync(join(this.#root, 'usr/local/bin'), { recursive: true })
    this.#execute('mv', this.#package('npm@11'), join(modules, 'npm'))
    this.#execute('chmod', '+x', join(modules, 'npm/bin/npm-cli.js'))
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(this.#root, 'usr/local/bin/npm'))
    const registry = this.#execute('npm', 'config', 'get', 'registry').trim()
    this.#env.push(`NPM_CONFIG_REGISTRY=${registry}`)
    if (!existsSync(authorities)) return
    mkdirSync(join(this.#root, 'etc/ssl/certs'), { recursive: true })
    this.#execute('cp', '--dereference', authorities, join(this.#root, authorities))
    this.#env.push(`NODE_EXTRA_CA_CERTS=${authorities}`)
  }

  commit(store: Store, name: string, recipe: string): void {
    const container = store.run('from', '--platform', this.#platform, 'scratch')
    store.run('copy', '--quiet', container, `${this.#root}/`, '/')
    const env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...this.#env]
    const [os = '', arch = ''] = this.#platform.split('/')
    store.run('config', '--os', os, '--arch', arch, container)
    store.run('config', ...env.flatMap((each) => ['--env', each]), '--label', `${mark}=${recipe}`, container)
    store.run('commit', '--quiet', '--rm', container, name)
  }

  /** @returns the folder of an unpacked package of npm */
  #package(name: string): string {
    const folder = mkdtempSync(join(this.#folder, 'package-'))
    this.#execute('npm', 'pack', '--silent', '--pack-destination', folder, name)
    this.#execute(
      'sh',
      '-c',
      `tar --extract --gzip --no-same-owner --file '${folder}'/*.tgz --directory '${folder}'`,
    )
    return join(folder, 'package')
  }

  #execute(program: string, ...args: readonly string[]): string {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  }
}
