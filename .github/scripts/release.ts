// What a release consists of, made and checked without any service but the registries of the image's bases: node .github/scripts/release.ts TASK ...
// Run by the workflow Release, and by people before they push a tag.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { basesOf, digestInRegistry, platforms, renewed } from './bases.ts'
import { checksumFile, checksums } from './checksums.ts'
import { buildImage } from './image.ts'
import { releaseNotes } from './notes.ts'
import { billOfMaterials, type LockFile, packagesInBundle } from './sbom.ts'
import { isPrerelease, otherVersions, versionPlaces } from './versions.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The docs and examples that may name the version, by their paths. */
export function pagesWithVersions(): string[] {
  const files = ['docs', 'examples', 'charts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(root, join(parentPath, name))),
  )
  return ['README.md', ...files].filter(
    (path) => /\.(md|yaml|yml)$/.test(path) && !path.endsWith('Chart.yaml'),
  )
}

const tasks: Readonly<Record<string, (...args: readonly string[]) => void | Promise<void>>> = {
  /** check v1.2.3: every place names this version, and CHANGELOG.md has its section. */
  check(tag = '') {
    const others = otherVersions(versionPlaces(read, pagesWithVersions()), tag)
    for (const { path, what, version } of others) console.error(`${path}: ${what} is ${version}, not ${tag}`)
    if (others.length > 0) throw new Error(`${others.length} places name another version than ${tag}`)
    releaseNotes(read('CHANGELOG.md'), tag.slice(1))
    console.log(`version=${tag.slice(1)}`)
    console.log(`prerelease=${isPrerelease(tag)}`)
    console.log(`npm-tag=${isPrerelease(tag) ? 'next' : 'latest'}`)
  },
  /** notes 1.2.3: what has changed, for the page of the release. */
  notes(version = '') {
    process.stdout.write(releaseNotes(read('CHANGELOG.md'), version))
  },
  /**
   * pack FOLDER: what is published, in a folder that does not exist yet: the package for npm, the manifest for Krew, the chart,
   * the bill of materials, and checksums.
   */
  pack(folder = '') {
    mkdirSync(folder)
    const { version } = JSON.parse(read('package.json')) as { version: string }
    const file = (name: string) => join(resolve(folder), name)
    // Both would have one name.
    execFileSync('helm', ['package', 'charts/holdfast', '--destination', resolve(folder)], {
      cwd: root,
      stdio: 'pipe',
    })
    renameSync(file(`holdfast-${version}.tgz`), file(`holdfast-chart-${version}.tgz`))
    execFileSync(process.execPath, [join(root, 'scripts/pack.mjs'), resolve(folder)], { stdio: 'pipe' })
    const krew = [join(root, 'scripts/krew.mjs'), file(`holdfast-${version}.tgz`)]
    writeFileSync(file('holdfast.yaml'), execFileSync(process.execPath, krew))
    void tasks.sbom?.(file(`holdfast-${version}.tgz`), file(`holdfast-${version}.cdx.json`))
    void tasks.checksums?.(folder)
  },
  /** bases [FILE]: every base that a Dockerfile names is pinned by its digest. */
  bases(file = join(root, 'Dockerfile')) {
    const unpinned = basesOf(readFileSync(file, 'utf8')).filter(({ digest }) => digest === undefined)
    for (const { name, tag } of unpinned) console.error(`Dockerfile: ${name} is ${tag}, without a digest`)
    if (unpinned.length > 0)
      throw new Error(
        'A base may be another one tomorrow: npm run image:bases writes the digests, then commit',
      )
  },
  /** renew-bases: writes the digests that the tags have now into the Dockerfile. */
  async 'renew-bases'() {
    const text = await renewed(read('Dockerfile'), (tag) => digestInRegistry(tag, fetch))
    writeFileSync(join(root, 'Dockerfile'), text)
    for (const { name, tag, digest = '' } of basesOf(text)) console.log(`${name}: ${tag}@${digest}`)
  },
  /** image NAME: builds the image for all platforms with buildah, from the commit that is checked out. */
  image(name = '') {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
    buildImage({
      context: root,
      name,
      platforms,
      builder: process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64',
      revision: git('rev-parse', 'HEAD'),
      made: Number(process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct')),
      pull: true,
    })
  },
  /** sbom PACKAGE FILE: the packages that the packed program contains, in CycloneDX. */
  sbom(packed = '', file = '') {
    const { name, version } = JSON.parse(read('package.json')) as { name: string; version: string }
    const lock = JSON.parse(read('package-lock.json')) as LockFile
    const licences = ['-xzOf', packed, 'package/dist/THIRD-PARTY-LICENSES.txt']
    const shipped = packagesInBundle(execFileSync('tar', licences, { encoding: 'utf8' }))
    const made = Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(Date.now() / 1_000))
    writeFileSync(file, billOfMaterials({ name, version }, shipped, lock, made))
    console.log(`${file}: ${shipped.length} packages`)
  },
  /** checksums FOLDER: SHA256SUMS of its files, in it. */
  checksums(folder = '') {
    writeFileSync(join(folder, checksumFile), checksums(folder))
  },
}

const [task = '', ...args] = process.argv.slice(2)
if (process.argv[1] === import.meta.filename) {
  const run = tasks[task]
  if (run === undefined) {
    console.error(`There is no task ${task}; there are ${Object.keys(tasks).join(', ')}`)
    process.exitCode = 2
  } else {
    try {
      await run(...args)
    } catch (error) {
      console.error(error instanceof Error ? error.message : error)
      process.exitCode = 1
    }
  }
}

/** The names of all tasks. */
export const taskNames = Object.keys(tasks)
