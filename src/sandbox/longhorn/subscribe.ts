import type { ResourceName } from '../cluster-client.ts'
import { resources } from './resources.ts'

/**
 * One subscription to all of Longhorn's kinds, from an API server that has one for each resource. Events and Leases
 * are left out: no controller looks at them.
 *
 * @param subscribeTo calls the listener after each commit of a resource; the function it returns ends that
 */
export function subscribeToLonghorn(
  subscribeTo: (resource: ResourceName, listener: () => void) => () => void,
): (listener: () => void) => () => void {
  return (listener) => {
    const ends = Object.values(resources).map((resource) => subscribeTo(resource, listener))
    return () => {
      for (const end of ends) end()
    }
  }
}
