import { readFile } from 'node:fs/promises'
import { at, isJsonObject, shown, textAt, type JsonObject } from '../../../src/sandbox/json.ts'
import { root } from '../../fixtures/root.ts'

/** The `request` of a review that a real API server sent. */
export async function recorded(name: string): Promise<JsonObject> {
  const review: unknown = JSON.parse(await readFile(`${root}/test/sandbox/api/recorded-${name}.json`, 'utf8'))
  const request = at(review, 'request')
  if (!isJsonObject(request)) throw new Error(`recorded-${name}.json is not a review`)
  return request
}

/** The parameters with which the recorded request was made. */
export function queryOf(request: JsonObject): string {
  const options = at(request, 'options')
  const sent = Object.entries(isJsonObject(options) ? options : {}).flatMap(([key, value]) =>
    key.startsWith('field') ? [[key, shown(value)] as const] : [],
  )
  return new URLSearchParams(Object.fromEntries(sent)).toString()
}

/** An object as a client sends it, without its version. */
export function withoutVersion(object: unknown): JsonObject {
  const metadata = { name: textAt(object, 'metadata', 'name'), labels: at(object, 'metadata', 'labels') }
  return { ...(isJsonObject(object) ? object : {}), metadata }
}

/** Every key down to the fields of `spec`, but neither values nor what the embedded cluster does not have. */
export function shapeOf(request: unknown): readonly string[] {
  const paths: string[] = []
  const walk = (value: unknown, path: string) => {
    if (!isJsonObject(value)) {
      paths.push(`${path}: ${value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value}`)
      return
    }
    for (const [key, part] of Object.entries(value)) {
      // Credentials and managed fields: there are none here.
      if (key === 'extra' || key === 'managedFields') continue
      walk(part, `${path}.${key}`)
    }
  }
  walk(request, '')
  return paths.filter((path) => !/Object\.(status|spec\.[^.]+\.)/.test(path)).toSorted()
}
