import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { type CheckDocument, documentsIn } from '../../../src/commands/check/documents.ts'
import { wholeFile } from '../../../src/commands/check/place.ts'
import { isJsonObject, type JsonObject } from '../../../src/json/schema.ts'
import { decodedText, UndecodableText } from '../../../src/text/yaml.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { kubectls, withoutKubectl } from '../../fixtures/kubectl.ts'
import { hangMs } from '../../fixtures/limits.ts'
import { depth } from '../../fixtures/thorough.ts'
import { anyFile, encoded, nameIn, textOf } from './any-file.ts'

/** An object of a file, as a text for comparison. */
interface Read {
  readonly spec: string
  /** True if something before it, or what ends it, cannot be read: kubectl reads no such file on, and here a problem is told. */
  readonly isByProblem: boolean
}

/** The objects of a file, by their names. */
function readHere(content: Buffer, path: string): [string, Read][] {
  const documents = documentsOf(content, path).map((document) => {
    const { metadata, spec }: JsonObject = 'problem' in document ? {} : document.object
    return { name: isJsonObject(metadata) ? metadata.name : undefined, spec }
  })
  return documents.flatMap(({ name, spec }, at): [string, Read][] => {
    if (typeof name !== 'string') return []
    const isByProblem = documents.slice(0, at + 2).some((each) => each.name === undefined)
    return [[name, { spec: JSON.stringify(sorted(spec)), isByProblem }]]
  })
}

function documentsOf(content: Buffer, path: string): CheckDocument[] {
  try {
    return documentsIn(decodedText(content), path)
  } catch (error) {
    if (!(error instanceof UndecodableText)) throw error
    return [{ source: path, place: wholeFile(path), problem: error.message }]
  }
}

t.test('kubectl is on the PATH, to compare with', { skip: withoutKubectl }, (t) => {
  t.ok(kubectls.length > 0)
  t.end()
})

for (const kubectl of kubectls)
  t.test(`files are read as ${kubectl} reads them, of many documents`, async (t) => {
    const { kubeconfig } = await embeddedCluster(t)
    const home = t.testdir()
    const folder = join(home, 'files')
    await mkdir(folder)
    await writeFile(join(home, 'config'), kubeconfig)
    const files = fc.sample(anyFile, { numRuns: depth(200, 4_000), seed: 20_261_130 })
    const here = new Map<string, Read>()
    for (const [index, file] of files.entries()) {
      const path = join(folder, `${index}.yaml`)
      await writeFile(path, encoded(textOf(index, file), file.encoding))
      for (const [name, read] of readHere(await readFile(path), path)) here.set(name, read)
    }
    const args = ['create', '--dry-run=client', '--validate=false', '-o', 'json', '-f', folder]
    const env = { PATH: process.env.PATH ?? '', HOME: home, KUBECONFIG: join(home, 'config') }
    const answer = await new Promise<string>((resolve) => {
      // It fails for each file that it cannot read, and tells of the others.
      execFile(kubectl, args, { env, timeout: hangMs, maxBuffer: 2 ** 28 }, (_, stdout) => resolve(stdout))
    })
    const there = new Map(readHere(Buffer.from(answer), 'kubectl'))
    t.ok(there.size > files.length / 5, `${there.size} objects of ${files.length} files are read`)
    t.ok(there.size < files.length, 'and some are not')
    for (const [index, file] of files.entries()) {
      // kubectl decodes each document by itself, and here a file is a text or none.
      if (file.encoding === 'latin1' && file.specs.length > 1) continue
      for (const place of file.specs.keys()) {
        const name = nameIn(index, place)
        const [mine, its] = [here.get(name), there.get(name)]
        if (its === undefined && mine?.isByProblem === true) continue
        if (mine?.spec !== its?.spec)
          t.equal(mine?.spec, its?.spec, `${file.encoding} ${JSON.stringify(textOf(index, file))}`)
      }
    }
  })

/** Go writes the names of an object in their order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, below]) => [key, sorted(below)]),
  )
}
