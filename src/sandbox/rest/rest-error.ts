/** Thrown by a call of Longhorn's REST API that fails. */
export class RestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'RestError'
    this.status = status
  }
}

const codes: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  500: 'Internal Server Error',
}

/** The body of an error as Longhorn writes it; its UI shows `message` (longhorn.md §5). */
export function errorBody(status: number, message: string): object {
  const code = codes[status] ?? 'Internal Server Error'
  return { type: 'error', links: {}, actions: {}, status, code, message, detail: '' }
}
