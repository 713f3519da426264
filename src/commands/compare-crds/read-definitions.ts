import type { Connection } from '../../kubernetes/client/connection.ts'
import { type Definition, readDefinition } from '../../longhorn/definition.ts'
import { allKinds } from '../../longhorn/kinds.ts'
import { readDocuments } from '../check/read-cluster.ts'
import { ClusterReader } from '../doctor/cluster-reader.ts'
import { CannotRun, type Surroundings } from '../surroundings.ts'
import { definitionName } from './differences.ts'

/** A definition, with its file and line: `longhorn.yaml:120`. */
export interface FoundDefinition {
  readonly source: string
  readonly definition: Definition
}

/**
 * The definitions in files, folders and standard input (`-`), among whatever else is there.
 *
 * @throws CannotRun for a missing path, an unreadable document, and if there is none
 */
export async function definitionsIn(
  paths: readonly string[],
  stdin: Surroundings['stdin'],
): Promise<readonly FoundDefinition[]> {
  const found = (await readDocuments(paths, stdin)).flatMap((document) => {
    if ('problem' in document) throw new CannotRun(`${document.source}: ${document.problem}`)
    const definition = readDefinition(document.object)
    return definition === undefined ? [] : [{ source: document.source, definition }]
  })
  if (found.length === 0)
    throw new CannotRun(
      `There is no CustomResourceDefinition of Longhorn in ${paths.join(', ')}. Longhorn publishes them with each release, in longhorn.yaml and in its chart.`,
    )
  return found
}

/**
 * The definitions of the cluster.
 *
 * @throws CannotRun if one cannot be read, or there is none
 */
export async function definitionsOf(connection: Connection): Promise<readonly FoundDefinition[]> {
  const looker = new ClusterReader(connection, new AbortController().signal)
  const place = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' }
  const looked = await Promise.all(
    allKinds.map(async (kind) => {
      const name = definitionName(kind)
      const answer = await looker.object({ ...place, name }, (raw) => ({
        ok: true,
        value: readDefinition(raw),
      }))
      if ('problem' in answer) throw new CannotRun(`The definition ${name} cannot be read: ${answer.problem}`)
      return answer.seen === undefined ? [] : [{ source: name, definition: answer.seen }]
    }),
  )
  const found = looked.flat()
  if (found.length === 0) throw new CannotRun('The cluster has no CustomResourceDefinition of Longhorn.')
  return found
}
