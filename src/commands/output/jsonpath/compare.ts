import { TemplateProblem } from './nodes.ts'

type Comparable = string | number | boolean

/**
 * Compares two values as kubectl does: a whole number with a whole number, a text with a text, and nothing else.
 *
 * @throws TemplateProblem for values that cannot be compared
 */
export function compare(left: unknown, operator: string, right: unknown): boolean {
  switch (operator) {
    case '==':
      return isEqual(left, right)
    case '!=':
      return !isEqual(left, right)
    case '<':
      return isLess(left, right)
    case '<=':
      return isLess(left, right) || isEqual(left, right)
    case '>':
      return !isLess(left, right) && !isEqual(left, right)
    case '>=':
      return !isLess(left, right)
    default:
      throw new TemplateProblem(`unrecognized filter operator ${operator}`)
  }
}

function isEqual(left: unknown, right: unknown): boolean {
  alike(left, right)
  return left === right
}

function isLess(left: unknown, right: unknown): boolean {
  const [one, other] = alike(left, right)
  if (typeof one === 'boolean') throw new TemplateProblem('invalid type for comparison')
  // As Go compares texts: by their bytes in UTF-8, so by code points.
  if (typeof one === 'string' && typeof other === 'string')
    return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0
  return one < other
}

function alike(left: unknown, right: unknown): readonly [Comparable, Comparable] {
  if (!isComparable(left) || !isComparable(right)) throw new TemplateProblem('invalid type for comparison')
  if (kindOf(left) !== kindOf(right)) throw new TemplateProblem('incompatible types for comparison')
  return [left, right]
}

function isComparable(value: unknown): value is Comparable {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function kindOf(value: Comparable): string {
  if (typeof value !== 'number') return typeof value
  return Number.isInteger(value) ? 'int' : 'float'
}
