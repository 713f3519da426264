import { mostBytes, readBoundedStream } from '../../text/bounded-file.ts'
import { readLonghorn } from '../../kubernetes/live-map.ts'
import { allKinds } from '../../longhorn/kinds.ts'
import { inWords } from '../../text/system-error.ts'
import { decodedText } from '../../text/yaml.ts'
import { type Asking, type ClusterFlags, connectWith } from '../options/cluster-options.ts'
import { CannotRun, type Surroundings } from '../surroundings.ts'
import { ClusterState } from './cluster-state.ts'
import { type CheckDocument, documentsIn } from './documents.ts'
import { wholeFile } from './place.ts'
import { type FileFound, filesAt, readText } from './read-files.ts'

type WholeKinds = (kinds: readonly string[]) => void

/** Reads the cluster as it is now. @throws CannotRun */
export async function liveState(flags: ClusterFlags, asking: Asking): Promise<ClusterState> {
  const state = new ClusterState(Date.now())
  const connection = await connectWith(flags, asking)
  try {
    const { signal } = new AbortController()
    for await (const object of readLonghorn(connection, flags.longhornNamespace, signal)) state.add(object)
    state.hasAllOf(allKinds)
    return state
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CannotRun(`cannot read Longhorn's objects in namespace ${flags.longhornNamespace}: ${why}`, {
      cause,
    })
  } finally {
    connection.close()
  }
}

/**
 * Reads a cluster from files: a snapshot, or the output of `kubectl get -o yaml`, which has no time. The
 * latest time of several counts.
 *
 * @throws CannotRun
 */
export async function stateFrom(
  paths: readonly string[],
  stdin: Surroundings['stdin'],
): Promise<ClusterState> {
  const whole = new Set<string>()
  const wholeKinds = (all: readonly string[]): void => all.forEach((kind) => whole.add(kind))
  const found = (await readDocuments(paths, stdin, wholeKinds)).map((document) => {
    // With a missing part, check would allow too much.
    if ('problem' in document) throw new CannotRun(`${document.source}: ${document.problem}`)
    return document
  })
  const times = found.flatMap(({ takenAt }) => takenAt ?? [])
  const state = times.length > 0 ? new ClusterState(Math.max(...times)) : new ClusterState(Date.now(), false)
  for (const { object } of found) state.add(object)
  state.hasAllOf(whole)
  return state
}

/**
 * The documents in files, folders (recursively, in order of their names) and standard input (`-`). An
 * unreadable file in a folder keeps its place in the result.
 *
 * @param wholeKinds called with kinds of which a document has all objects
 * @throws CannotRun for a missing path
 */
export async function readDocuments(
  paths: readonly string[],
  stdin: Surroundings['stdin'],
  wholeKinds?: WholeKinds,
): Promise<CheckDocument[]> {
  const documents: (readonly CheckDocument[])[] = []
  for (const path of paths) {
    if (path === '-') {
      const found = documentsIn(await typed(stdin), 'standard input', wholeKinds)
      documents.push(found.map((each) => ({ ...each, place: { ...each.place, file: undefined } })))
      continue
    }
    for (const file of await filesOf(path)) documents.push(await documentsOf(file, path, wholeKinds))
  }
  return documents.flat()
}

async function typed(stdin: Surroundings['stdin']): Promise<string> {
  try {
    return decodedText(await readBoundedStream(stdin(), mostBytes.manifest))
  } catch (cause) {
    const why = inWords(cause)
    throw new CannotRun(`cannot read standard input: ${why}`, { cause })
  }
}

/** @param named the person's paths: those have to exist */
async function documentsOf(
  file: FileFound,
  named: string,
  wholeKinds?: WholeKinds,
): Promise<CheckDocument[]> {
  const place = wholeFile(file.path)
  if ('problem' in file) return [{ source: file.path, place, problem: file.problem }]
  try {
    return documentsIn(await readText(file.path, 'the file', mostBytes.manifest), file.path, wholeKinds)
  } catch (error) {
    if (!(error instanceof CannotRun) || file.path === named) throw error
    return [{ source: file.path, place, problem: error.message }]
  }
}

async function filesOf(path: string): Promise<FileFound[]> {
  try {
    return await filesAt(path)
  } catch (cause) {
    throw new CannotRun(`cannot read ${path}: ${inWords(cause)}`, { cause })
  }
}
