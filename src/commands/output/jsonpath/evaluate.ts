import { compare } from './compare.ts'
import { type List, type Node, type SliceParams, TemplateProblem } from './nodes.ts'

/** Values of one part of a template. */
type Values = readonly unknown[]

/**
 * What each part of a template finds in a document, in the order of the output (k8s.io/client-go/util/jsonpath/jsonpath.go, with
 * `--allow-missing-template-keys` as kubectl has it by default).
 *
 * @param document JSON
 * @throws TemplateProblem
 */
export function evaluate(template: readonly Node[], document: unknown): readonly Values[] {
  return new Evaluation(template).from(0, document)
}

class Evaluation {
  readonly #nodes: readonly Node[]
  #begins = 0
  #within = 0
  #ends = 0
  #lastEnd = -1

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes
  }

  /** The results of all parts from this one on, or up to the end of the loop that it stands in. */
  from(start: number, document: unknown): Values[] {
    const results: Values[] = []
    for (let at = start; at < this.#nodes.length; at += 1) {
      const node = this.#nodes[at]
      const found = node === undefined ? [] : this.#walk([document], node)
      if (this.#ends > 0 && this.#ends <= this.#within) {
        this.#ends -= 1
        this.#lastEnd = at
        break
      }
      if (this.#begins === 0) {
        results.push(found)
        continue
      }
      this.#begins -= 1
      this.#within += 1
      for (const value of found) for (const values of this.from(at + 1, value)) results.push(values)
      // A loop over nothing is gone through once for its end alone.
      if (found.length === 0) this.from(at + 1, null)
      this.#within -= 1
      at = Math.max(at, this.#lastEnd)
    }
    return results
  }

  #walk(values: Values, node: Node): Values {
    switch (node.type) {
      case 'text':
        return [node.text]
      case 'value':
        return values.map(() => node.value)
      case 'list':
        return this.#list(values, node)
      case 'field':
        return values.flatMap((value) =>
          isMap(value) && Object.hasOwn(value, node.name) ? [value[node.name]] : [],
        )
      case 'slice':
        return sliced(values, node.params)
      case 'filter':
        return values.flatMap((value) => this.#filtered(value, node))
      case 'wildcard':
        return values.flatMap(childrenOf)
      case 'recursive':
        return values.flatMap(descendantsOf)
      case 'union':
        return node.lists.flatMap((list) => this.#list(values, list))
      case 'identifier':
        return this.#identifier(values, node.name)
    }
  }

  #list(values: Values, { nodes }: List): Values {
    return nodes.reduce<Values>((found, node) => this.#walk(found, node), values)
  }

  #identifier(values: Values, name: string): Values {
    if (name === 'range') {
      this.#begins += 1
      return values
    }
    if (name !== 'end') throw new TemplateProblem(`unrecognized identifier ${name}`)
    if (this.#within === 0) throw new TemplateProblem('not in range, nothing to end')
    this.#ends += 1
    return []
  }

  #filtered(value: unknown, { left, operator, right }: Extract<Node, { type: 'filter' }>): Values {
    if (!Array.isArray(value))
      throw new TemplateProblem(`${kindOf(value)} is not array or slice and cannot be filtered`)
    return value.filter((item: unknown) => {
      if (operator === 'exists') return this.#exists(item, left)
      const lefts = this.#list([item], left)
      if (lefts.length === 0) return false
      const rights = this.#list([item], right)
      if (rights.length === 0) return false
      if (lefts.length > 1 || rights.length > 1)
        throw new TemplateProblem('can only compare one element at a time')
      return compare(lefts[0], operator, rights[0])
    })
  }

  #exists(item: unknown, left: List): boolean {
    try {
      return this.#list([item], left).length > 0
    } catch (error) {
      if (error instanceof TemplateProblem) return false
      throw error
    }
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Of a map in the order of its keys, where kubectl has none; of a text its bytes, as in Go. */
function childrenOf(value: unknown): Values {
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return [...new TextEncoder().encode(value)]
  if (!isMap(value)) return []
  return Object.keys(value)
    .toSorted()
    .map((key) => value[key])
}

function descendantsOf(value: unknown): Values {
  const children = childrenOf(value)
  return children.length === 0 ? [] : [value, ...children.flatMap(descendantsOf)]
}

function sliced(values: Values, params: SliceParams): Values {
  const found: unknown[] = []
  for (const value of values) {
    if (value === null) continue
    if (!Array.isArray(value)) throw new TemplateProblem(`${kindOf(value)} is not array or slice`)
    const items: readonly unknown[] = value
    const { from, to } = bounds(params, items.length)
    // Go ends here too: what comes after an empty slice is not looked at.
    if (from === to) return found
    if (from >= value.length || from < 0) throw outOfBounds(from, value.length)
    if (to > value.length || to < 0) throw outOfBounds(to - 1, value.length)
    if (from > to) throw new TemplateProblem(`starting index ${from} is greater than ending index ${to}`)
    const step = params.step ?? 1
    if (step <= 0) throw new TemplateProblem('step must be > 0')
    for (let at = from; at < to; at += step) found.push(items[at])
  }
  return found
}

function bounds({ from = 0, to, isOne }: SliceParams, length: number): { from: number; to: number } {
  const end = to ?? length
  return {
    from: from < 0 ? from + length : from,
    // `[-1]` ends behind the last one.
    to: end < 0 || (end === 0 && isOne) ? end + length : end,
  }
}

function outOfBounds(index: number, length: number): TemplateProblem {
  return new TemplateProblem(`array index out of bounds: index ${index}, length ${length}`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
