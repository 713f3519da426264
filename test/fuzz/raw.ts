import type { JudgedKind } from '../../src/rules/change.ts'

/** A JSON object. */
export type Fields = Record<string, unknown>

/** An object of Longhorn as JSON. */
export interface RawObject extends Fields {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Fields & { readonly name: string }
}

/** The objects of a cluster by `keyOf`. */
export type RawObjects = ReadonlyMap<string, RawObject>

/** The name of an object among all. */
export function keyOf(kind: string, name: string): string {
  return `${kind}/${name}`
}

/** All objects of one kind. */
export function allOf(objects: RawObjects, kind: JudgedKind): RawObject[] {
  return [...objects.values()].filter((each) => each.kind === kind)
}

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object at a path of names in a JSON object; an empty one without it. */
export function fieldsAt(value: unknown, ...path: readonly string[]): Fields {
  let here = value
  for (const name of path) here = isFields(here) && Object.hasOwn(here, name) ? here[name] : undefined
  return isFields(here) ? here : {}
}

/** The same JSON, which can be changed by itself. Thrice as fast as writing and reading it, and each case takes some. */
export function copyOf<T>(value: T): T
export function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => copyOf(each))
  if (!isFields(value)) return value
  const copy: Fields = { ...value }
  for (const name of Object.keys(copy)) {
    const held = copy[name]
    if (held === undefined) Reflect.deleteProperty(copy, name)
    else if (typeof held === 'object') copy[name] = copyOf(held)
  }
  return copy
}
