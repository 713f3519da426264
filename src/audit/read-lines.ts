import { TextDecoder } from 'node:util'
import { encodingOf } from '../text/decoded-text.ts'
import { parseRecord, type AuditRecord } from './record.ts'

/**
 * The records among the lines of a log, a file or an answer. Other lines are passed over: the guard's log has both,
 * and a process that was killed may have left half a line.
 */
export async function* recordsIn(source: AsyncIterable<Buffer | string>): AsyncGenerator<AuditRecord, void> {
  for await (const line of linesOf(source)) {
    const record = recordIn(line)
    if (record) yield record
  }
}

/** The record in one line, if it is one. */
export function recordIn(line: string): AuditRecord | undefined {
  // Most lines of a log are none, and need no parsing to tell.
  if (!line.includes('"holdfast.dev/audit/')) return undefined
  const start = line.indexOf('{')
  try {
    const json: unknown = JSON.parse(line.slice(start))
    const parsed = parseRecord(json)
    return parsed.ok ? parsed.value : undefined
  } catch {
    return undefined
  }
}

async function* linesOf(source: AsyncIterable<Buffer | string>): AsyncGenerator<string, void> {
  let decoder: TextDecoder | undefined
  let rest = ''
  for await (const chunk of source) {
    // A log that PowerShell wrote is UTF-16.
    decoder ??= new TextDecoder(typeof chunk === 'string' ? 'utf-8' : encodingOf(chunk))
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
