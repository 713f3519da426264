import { kinds } from '../../../src/longhorn/kinds.ts'

/** A request line in its two parts. */
export interface RequestLine {
  readonly method: string
  /** Each character is a byte. */
  readonly target: string
}

const of = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
const backend = '/api/v1/namespaces/longhorn-system/services/http:longhorn-backend:9500/proxy'

/** The requests of clients, before they are mangled. */
const plain: readonly string[] = [
  ...Object.values(kinds).flatMap(({ plural }) => [`${of}/${plural}`, `${of}/${plural}/n1`]),
  `${of}/nodes/n1/status`,
  `${of.replace('v1beta2', 'v1beta1')}/backingimages/i1`,
  '/apis/longhorn.io/v1beta2/nodes',
  '/apis/longhorn.io/v1beta2/watch/namespaces/longhorn-system/nodes/n1',
  '/apis/longhorn.io/v1beta2/namespaces/other/nodes/n1',
  '/v1/nodes/n1',
  '/v1/nodes/n1?action=diskUpdate',
  '/v1/backingimages/i1',
  '/v1/backingimages/i1?action=backingImageCleanup',
  '/v1/backingimages/i1?action=updateMinNumberOfCopies',
  `${backend}/v1/nodes/n1`,
  `${backend}/v1/nodes/n1?action=diskUpdate`,
  `${backend.replace('services/http:longhorn-backend', 'pods/longhorn-manager')}/v1/backingimages/i1`,
]

const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']

/** The texts that are put into a target. */
const insertions = [
  ...[
    '/',
    '/',
    '//',
    '/.',
    '/..',
    '/./',
    '/../',
    '/x/..',
    '/x',
    '%2F',
    '%2f',
    '%2F%2F',
    '/%2e',
    '/%2E%2e',
    '%2F..',
  ],
  ...[
    '?',
    '&',
    ';',
    '#',
    '%',
    '%zz',
    '%00',
    '%ff',
    '\\',
    '\u00ff',
    '+',
    ':',
    '@',
    '*',
    '=',
    '%23',
    '%3F',
    '%25',
    '%252F',
  ],
  ...[
    '?dryRun=All',
    '&dryRun=All',
    ';dryRun=All',
    '?dryRun=',
    '&action=diskUpdate',
    ';action=diskUpdate',
    '?action=',
  ],
  ...['/status', '/proxy', '/namespaces', '/nodes', '/n2', '/watch', '/v1'],
]

const origins = ['http://h', 'x:', 'http:', '//h', '/', '/x/..', '/.', '*', 'HTTP://u:p@h:1', '1x:', 'x://']

/** Request lines that somebody might send to get around a proxy, the same ones for a seed. */
export function* mangledTargets(count: number, seed: number): Generator<RequestLine> {
  const random = numbersFrom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const oneOf = (choices: readonly string[]): string => choices[below(choices.length)] ?? ''
  for (let made = 0; made < count; made += 1) {
    let target = oneOf(plain)
    for (let step = below(5); step > 0; step -= 1) {
      const at = below(target.length + 1)
      const [before, after] = [target.slice(0, at), target.slice(at)]
      const first = after.charAt(0)
      switch (below(9)) {
        case 0:
          target = `${before}%${first.charCodeAt(0).toString(16).padStart(2, '0')}${after.slice(1)}`
          break
        case 1:
          target = before + after.slice(1)
          break
        case 2:
          target =
            before +
            (below(2) === 0 ? first.replace(/[a-z]/, (letter) => letter.toUpperCase()) : first + first) +
            after.slice(1)
          break
        case 3:
          target = oneOf(origins) + target
          break
        case 4:
          target = swapped(target, below(12), below(12))
          break
        case 5: {
          // The end of one part, since most decisions happen there.
          const slash = target.indexOf('/', at)
          const end = slash < 0 ? target.length : slash
          target = target.slice(0, end) + oneOf(insertions) + target.slice(end)
          break
        }
        case 6:
          target += oneOf(insertions)
          break
        default:
          target = before + oneOf(insertions) + after
      }
    }
    yield { method: oneOf(methods), target }
  }
}

function swapped(target: string, one: number, other: number): string {
  const parts = target.split('/')
  const [a, b] = [parts[one], parts[other]]
  if (a === undefined || b === undefined) return target
  return parts.with(one, b).with(other, a).join('/')
}

/** Numbers from 0 to 1 that look random (a linear congruential generator of 32 bits, its upper ones). */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}
