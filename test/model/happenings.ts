import type { Node, NotReady } from '../../src/longhorn/node.ts'
import type { Step } from './step.ts'
import type { ModelObject, Store } from './store.ts'

/** Something that happens once, at any moment and whatever is asked meanwhile. The guard reviews none of it. */
export interface Happening {
  readonly what: string
  /** True if it takes a node away: copies that were counted on may then be on a lost one. */
  readonly takesAway: boolean
  /** The step; undefined while it cannot happen. */
  readonly turns: (store: Store) => (() => void) | undefined
}

/** Kubernetes no longer has a node of this name, so all its disks are lost at once. */
export const gone: NotReady = { reason: 'KubernetesNodeGone', since: undefined }

/** A node is lost. Its copies are not known to be unknown yet. */
export function goes(name: string): Happening {
  return { ...turning(`${name} is lost`, name, gone), takesAway: true }
}

/** The node of a lost disk works again. */
export function comesBack(name: string): Happening {
  return turning(`${name} comes back`, name, undefined)
}

/** A copy is found to be whole. */
export function turnsReady(image: string, uuid: string): Happening {
  return happening(`${image} on ${uuid} turns ready`, (store) => {
    const before = store.find('BackingImage', image)
    const file = before?.status.diskFileStatusMap.get(uuid)
    if (!before || !file || file.state === 'ready') return undefined
    const diskFileStatusMap = new Map([
      ...before.status.diskFileStatusMap,
      [uuid, { ...file, state: 'ready' }],
    ])
    return () => store.put({ ...before, status: { ...before.status, diskFileStatusMap } })
  })
}

/** An object is deleted, and the guard is not asked: an image goes by intent, a node by a controller that cleans up. */
export function isDeleted(kind: 'Node' | 'BackingImage', name: string): Happening {
  return happening(`${name} is deleted`, (store) => {
    const before = store.find(kind, name)
    return before && (() => store.remove(before))
  })
}

/** An object is made under the name of one that is gone. */
export function isMadeAnew(object: ModelObject): Happening {
  const { name } = object.metadata
  const made = { ...object, metadata: { ...object.metadata, uid: `uid-${name}-anew` } }
  return happening(`${name} is made anew`, (store) =>
    store.find(object.kind, name) ? undefined : () => store.put(made),
  )
}

/** Each that can happen now and has not happened yet. @param happened their places in the list */
export function* happeningSteps(
  happenings: readonly Happening[],
  happened: Set<number>,
  store: Store,
): Iterable<Step> {
  for (const [at, { what, turns }] of happenings.entries()) {
    const turn = happened.has(at) ? undefined : turns(store)
    if (!turn) continue
    const take = (): void => {
      happened.add(at)
      turn()
    }
    yield { what, replica: undefined, take }
  }
}

function turning(what: string, name: string, notReady: NotReady | undefined): Happening {
  return happening(what, (store) => {
    const before = store.find('Node', name)
    if (!before || before.status.notReady?.reason === notReady?.reason) return undefined
    const after: Node = { ...before, status: { ...before.status, ready: notReady === undefined, notReady } }
    return () => store.put(after)
  })
}

function happening(what: string, turns: Happening['turns']): Happening {
  return { what, takesAway: false, turns }
}
