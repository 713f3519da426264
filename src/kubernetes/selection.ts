/**
 * The query of a list or watch of one object. By it RBAC allows a list and a watch to those who have the right for
 * that name alone.
 *
 * @param only its name; undefined for all of the collection
 */
export function selectionOf(only: string | undefined): Readonly<Record<string, string>> {
  return only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }
}
