/**
 * The type that kubectl gives a scalar of a YAML file. Integers and fractions differ where a tag asks for one
 * of them.
 */
export type GoScalar =
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'flag'; readonly value: boolean }
  | { readonly is: 'nothing'; readonly value: null }
  | { readonly is: 'whole' | 'fraction'; readonly value: number; readonly text: string }

/**
 * Reads a scalar without quotes and tag as kubectl does: `resolve` of go.yaml.in/yaml/v2 v2.4.3. That is YAML
 * 1.1 without its base 60: `yes` and `off` are booleans, `010` is eight, `1_000` a thousand, a date stays a
 * text.
 */
export function goScalar(text: string): GoScalar {
  if (flags.has(text)) return { is: 'flag', value: flags.get(text) === true }
  if (nothing.has(text)) return { is: 'nothing', value: null }
  if (/^[+-]?\.(?:inf|Inf|INF)$/.test(text))
    return { is: 'fraction', value: text.startsWith('-') ? -Infinity : Infinity, text }
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return { is: 'fraction', value: NaN, text }
  if (!/^[-+.\d]/.test(text)) return { is: 'text', value: text }
  // Underscores separate digits, except in a number that begins with its point.
  const digits = text.startsWith('.') ? text : text.replaceAll('_', '')
  return wholeOf(digits) ?? fractionOf(digits) ?? { is: 'text', value: text }
}

/**
 * Reads a scalar with a tag (`!!int`), with or without quotes.
 *
 * @param tag in full: `tag:yaml.org,2002:int`; tags of other vocabularies have no effect
 * @returns undefined if the value does not fit the tag
 */
export function taggedScalar(tag: string, text: string): GoScalar | undefined {
  const found = goScalar(text)
  switch (tag) {
    case 'tag:yaml.org,2002:bool':
      return found.is === 'flag' ? found : undefined
    case 'tag:yaml.org,2002:null':
      return found.is === 'nothing' ? found : undefined
    case 'tag:yaml.org,2002:int':
      return found.is === 'whole' ? found : undefined
    case 'tag:yaml.org,2002:float':
      return found.is === 'whole' || found.is === 'fraction' ? { ...found, is: 'fraction' } : undefined
    case 'tag:yaml.org,2002:timestamp':
      return timestamp.test(text) ? { is: 'text', value: text } : undefined
    case 'tag:yaml.org,2002:binary':
      return binary(text)
    default:
      return { is: 'text', value: text }
  }
}

/**
 * The name of a key in JSON.
 *
 * @returns undefined for one that kubectl rejects: null, or a number beyond 64 signed bits
 */
export function keyName(key: GoScalar): string | undefined {
  switch (key.is) {
    case 'text':
      return key.value
    case 'flag':
      return String(key.value)
    case 'nothing':
      return undefined
    case 'whole': {
      const exact = exactWhole(key.text)
      return exact !== undefined && exact < 2n ** 63n ? exact.toString() : undefined
    }
    case 'fraction':
      return fractionName(key.value)
  }
}

const flags: ReadonlyMap<string, boolean> = new Map([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (text) => [text, true] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (text) => [text, false] as const,
  ),
])

const nothing: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL'])

/** Go's ParseInt with base 0, then ParseUint: 64 bits, signed or unsigned. */
function wholeOf(text: string): GoScalar | undefined {
  const exact = exactWhole(text)
  return exact === undefined ? undefined : { is: 'whole', value: Number(exact), text }
}

function exactWhole(text: string): bigint | undefined {
  const digits = text.replaceAll('_', '')
  const [, sign = '', octal, other] =
    /^([-+]?)(?:0[oO]?([0-7]+)|(0[xX][0-9a-fA-F]+|0[bB][01]+|0|[1-9][0-9]*))$/.exec(digits) ?? []
  if (octal === undefined && other === undefined) return undefined
  const size = BigInt(octal === undefined ? (other ?? '') : `0o${octal}`)
  const value = sign === '-' ? -size : size
  const most = sign === '' ? 2n ** 64n : 2n ** 63n
  return value < most && value >= -(2n ** 63n) ? value : undefined
}

function fractionOf(text: string): GoScalar | undefined {
  if (!/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return undefined
  const value = Number(text)
  // Go finds it out of range, so it stays a text.
  return Number.isFinite(value) ? { is: 'fraction', value, text } : undefined
}

/** The forms of a time that Go's decoder knows. */
const timestamp =
  /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)|\s\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?$/

function binary(text: string): GoScalar | undefined {
  const packed = text.replaceAll(/[\r\n]/g, '')
  const isBase64 = packed.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(packed)
  return isBase64 ? { is: 'text', value: Buffer.from(packed, 'base64').toString() } : undefined
}

/**
 * As Go writes a fraction: the fewest digits that identify a 32-bit number, with an exponent from a million
 * on.
 */
function fractionName(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  const single = Math.fround(value)
  if (!Number.isFinite(single)) return single > 0 ? '.inf' : '-.inf'
  const lengths = Array.from({ length: 9 }, (_, index) => index)
  const shortest = lengths
    .map((places) => single.toExponential(places))
    .find((text) => Math.fround(Number(text)) === single)
  const [, digits = '0', exponent = '0'] = /^(.*)e(.*)$/.exec(shortest ?? '') ?? []
  const power = Number(exponent)
  if (power >= -4 && power < 6) return Number(shortest).toString()
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
