import { readFile } from 'node:fs/promises'
import { decodedText, UndecodableText } from '../text/decoded-text.ts'
import { CannotRun } from './exit-code.ts'

/** The text of a file, in UTF-8 or by its byte order mark. @param what it is, for the message @throws CannotRun */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return decodedText(await readFile(path))
  } catch (cause) {
    const why = cause instanceof UndecodableText ? cause.message : String(cause)
    throw new CannotRun(`cannot read ${what} ${path}: ${why}`, { cause })
  }
}
