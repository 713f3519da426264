/** A terminal, as much of it as the block makes use of. */
export interface Terminal {
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number
  /** Each text that was written. */
  readonly written: string[]
  /** What stands on it in the end. */
  readonly shown: () => string
  readonly write: (text: string) => void
}

/** A terminal of that size. */
export function terminal({ columns = 60, rows = 10 } = {}): Terminal {
  let lines = ['']
  let row = 0
  let column = 0
  const put = (text: string): void => {
    for (const character of text) {
      if (character === '\n') {
        row += 1
        column = 0
      } else {
        const line = (lines[row] ?? '').padEnd(column)
        lines[row] = line.slice(0, column) + character + line.slice(column + 1)
        column += 1
      }
      lines[row] ??= ''
    }
  }
  const act = (code: string, count: number): void => {
    if (code === 'A') row = Math.max(0, row - count)
    if (code === 'B') row += count
    if (code === 'G') column = 0
    if (code === 'K') lines[row] = count === 2 ? '' : (lines[row] ?? '').slice(0, column)
    lines = Array.from({ length: Math.max(lines.length, row + 1) }, (_, at) => lines[at] ?? '')
  }
  const written: string[] = []
  return {
    written,
    shown: () =>
      lines
        .map((line) => line.trimEnd())
        .join('\n')
        .trimEnd(),
    isTTY: true,
    columns,
    rows,
    write(text: string) {
      written.push(text)
      let from = 0
      // eslint-disable-next-line no-control-regex -- it is what a terminal reads
      for (const match of text.matchAll(/\u001B\[(\??)(\d*)([A-Za-z])/g)) {
        put(text.slice(from, match.index))
        const [all, isPrivate, count, code = ''] = match
        if (isPrivate === '') act(code, Number(count === '' ? (code === 'K' ? 0 : 1) : count))
        from = match.index + all.length
      }
      put(text.slice(from))
    },
  }
}
