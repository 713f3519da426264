import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ClusterState } from '../check/cluster-state.ts'
import { documentsIn, UnreadableFile, type CheckDocument } from '../check/documents.ts'
import { readLonghorn } from '../kubernetes/read-longhorn.ts'
import { connectWith, type ClusterFlags } from './cluster-options.ts'
import { CannotRun } from './exit-code.ts'
import type { Environment, Surroundings } from './surroundings.ts'

/** Reads the cluster as it is now. @throws CannotRun */
export async function liveState(flags: ClusterFlags, env: Environment): Promise<ClusterState> {
  const state = new ClusterState(Date.now())
  const connection = await connectWith(flags, env)
  try {
    const { signal } = new AbortController()
    for await (const object of readLonghorn(connection, flags.longhornNamespace, signal)) state.add(object)
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

/** Takes a cluster from files: a snapshot, or what `kubectl get -o yaml` wrote. @throws CannotRun */
export async function stateFrom(
  paths: readonly string[],
  stdin: Surroundings['stdin'],
): Promise<ClusterState> {
  const state = new ClusterState(Date.now())
  for (const { object } of await readDocuments(paths, stdin)) state.add(object)
  return state
}

/** The documents in files, folders (all below, in order of their names) and standard input (`-`). @throws CannotRun */
export async function readDocuments(
  paths: readonly string[],
  stdin: Surroundings['stdin'],
): Promise<CheckDocument[]> {
  const documents: CheckDocument[] = []
  for (const path of paths) {
    for (const file of await filesAt(path)) {
      try {
        const content = file === '-' ? await text(stdin()) : await readFile(file, 'utf8')
        documents.push(...documentsIn(content, file === '-' ? 'standard input' : file))
      } catch (cause) {
        if (cause instanceof UnreadableFile) throw new CannotRun(cause.message, { cause })
        throw new CannotRun(`cannot read ${file}: ${String(cause)}`, { cause })
      }
    }
  }
  return documents
}

async function filesAt(path: string): Promise<string[]> {
  if (path === '-') return [path]
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const entries = await readdir(path, { recursive: true })
    return entries
      .filter((entry) => /\.(ya?ml|json)$/.test(entry))
      .toSorted()
      .map((entry) => join(path, entry))
  } catch (cause) {
    throw new CannotRun(`cannot read ${path}: ${String(cause)}`, { cause })
  }
}
