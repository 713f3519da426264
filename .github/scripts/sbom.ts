import { createHash } from 'node:crypto'

/** A package that is shipped. */
interface Shipped {
  readonly name: string
  readonly version: string
}

interface LockEntry {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
}

/** What package-lock.json says. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>
}

/**
 * The packages in a bundle, by the file of their licences: a line `name version (licence)` between two lines of dashes each.
 *
 * @throws Error if there is none
 */
export function packagesInBundle(licences: string): Shipped[] {
  const found = [...licences.matchAll(/^-{20,}\n(\S+) (\d+\.\d+\.\d+\S*) \([^)]*\)\n-{20,}$/gm)]
  if (found.length === 0) throw new Error('The file of licences names no package')
  return found.map(([, name = '', version = '']) => ({ name, version }))
}

/**
 * The bill of materials in CycloneDX 1.5. The same packages give the same bytes.
 *
 * @param made seconds since the epoch (SOURCE_DATE_EPOCH)
 * @throws Error for a package that is not in the lock file
 */
export function billOfMaterials(
  { name, version }: Shipped,
  shipped: readonly Shipped[],
  lock: LockFile,
  made: number,
): string {
  const components = unique(shipped).map((each) => component(each, lock))
  const body = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: new Date(made * 1_000).toISOString(),
      component: {
        type: 'application',
        'bom-ref': purl({ name, version }),
        name,
        version,
        purl: purl({ name, version }),
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components,
  }
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex')
  const serialNumber = `urn:uuid:${digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-5$3-8$4-$5')}`
  return `${JSON.stringify({ $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json', serialNumber, ...body }, undefined, 2)}\n`
}

function component(shipped: Shipped, { packages }: LockFile): object {
  const { name, version } = shipped
  const entry = Object.entries(packages).find(
    ([path, each]) => path !== '' && nameOf(path) === name && each.version === version,
  )?.[1]
  if (entry === undefined) throw new Error(`${name} ${version} is shipped and not in package-lock.json`)
  const [, algorithm = '', base64 = ''] = /^(sha\d+)-(.+)$/.exec(entry.integrity ?? '') ?? []
  return {
    type: 'library',
    'bom-ref': purl(shipped),
    name,
    version,
    purl: purl(shipped),
    ...(entry.license !== undefined && { licenses: [{ expression: entry.license }] }),
    ...(base64 !== '' && {
      hashes: [
        { alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(base64, 'base64').toString('hex') },
      ],
    }),
  }
}

function unique(shipped: readonly Shipped[]): Shipped[] {
  const all = new Map(shipped.map((each) => [purl(each), each]))
  return [...all.values()].toSorted((a, b) => (purl(a) < purl(b) ? -1 : 1))
}

/** https://github.com/package-url/purl-spec: the @ of a scope is escaped. */
function purl({ name, version }: Shipped): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`
}

/** `node_modules/a/node_modules/@b/c` is the package `@b/c`. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
