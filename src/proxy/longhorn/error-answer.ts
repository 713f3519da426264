import { STATUS_CODES } from 'node:http'
import { plainText } from '../../text/plain-text.ts'
import type { OwnAnswer } from '../door.ts'

/** An error as Longhorn's REST API writes it; its UI shows `message` (longhorn.md §5). What acts on a screen is taken out. */
export function errorAnswer(status: number, message: string): OwnAnswer {
  const code = STATUS_CODES[status] ?? 'Error'
  const body = {
    type: 'error',
    links: {},
    actions: {},
    status,
    code,
    message: plainText(message),
    detail: '',
  }
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: `${JSON.stringify(body)}\n`,
  }
}
