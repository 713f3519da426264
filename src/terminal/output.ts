import { stringify } from 'yaml'

/** For programs: one JSON document, or one YAML document. */
export type DataFormat = 'json' | 'yaml'

/** Writes a value for programs, ending with a newline. */
export function data(format: DataFormat, value: unknown): string {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}
