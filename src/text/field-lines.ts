import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, type YAMLMap } from 'yaml'
import { parseYaml } from './yaml.ts'

/** The lines of the fields of one document, YAML or JSON. It is read only when somebody asks. */
export class FieldLines {
  readonly #text: string
  readonly #first: number
  readonly #lines = new LineCounter()
  #contents: Node | null | undefined

  /** @param first the line of its file on which the text begins, counted from 1 */
  constructor(text: string, first: number) {
    this.#text = text
    this.#first = first
  }

  /**
   * The line of a field, or of the nearest field around it that the document has: a field that an anchor or a
   * merge key brings is written elsewhere.
   *
   * @param path as the API server writes it: `items[0].spec.disks.disk-1`. A name with dots is found too
   * @returns counted from 1; undefined if the document has nothing of the path
   */
  lineOf(path: string): number | undefined {
    const offset = offsetOf(this.#read(), path)
    return offset === undefined ? undefined : this.#first + this.#lines.linePos(offset).line - 1
  }

  #read(): Node | null {
    if (this.#contents !== undefined) return this.#contents
    try {
      this.#contents = parseYaml(this.#text, this.#lines).contents
    } catch {
      // It is nested too deep, which the reader of its content reports.
      this.#contents = null
    }
    return this.#contents
  }
}

/** Where the deepest field of the path that exists begins. */
function offsetOf(node: unknown, path: string): number | undefined {
  if (isSeq(node)) {
    const [whole, index] = /^\[(\d+)\]\.?/.exec(path) ?? []
    if (whole === undefined) return undefined
    const item: unknown = node.items[Number(index)]
    return offsetOf(item, path.slice(whole.length)) ?? begin(item)
  }
  if (!isMap(node)) return undefined
  const found = entryAt(node, path)
  return found && (offsetOf(found.pair.value, found.rest) ?? begin(found.pair.key))
}

/** The entry whose name begins the path: the longest, and the last of several, as the API server reads it. */
function entryAt(map: YAMLMap, path: string): { readonly pair: Pair; readonly rest: string } | undefined {
  let longest: { readonly pair: Pair; readonly rest: string; readonly length: number } | undefined
  for (const pair of map.items) {
    const name = isScalar(pair.key) ? String(pair.key.source ?? pair.key.value) : ''
    const after = path.slice(name.length)
    if (name === '' || !path.startsWith(name) || !/^(?:$|\.|\[)/.test(after)) continue
    if (name.length >= (longest?.length ?? 0))
      longest = { pair, rest: after.replace(/^\./, ''), length: name.length }
  }
  return longest
}

function begin(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined
}
