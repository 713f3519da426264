import t from 'tap'
import { updatingBlock } from '../../src/commands/updating-block.ts'

/** A terminal, as much of it as the block makes use of: what stands on it in the end. */
function terminal() {
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
    columns: 60,
    rows: 10,
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

t.test('a block is written anew in its place, and what stays stands above it', async (t) => {
  const screen = terminal()
  const block = await updatingBlock(screen)
  block.show(['one 1%', 'two 1%'])
  block.show(['one 2%', 'two 1%'])
  t.equal(screen.shown(), 'one 2%\ntwo 1%')
  block.above('held back')
  t.equal(screen.shown(), 'held back\none 2%\ntwo 1%')
  block.show(['two 50%'])
  t.equal(screen.shown(), 'held back\ntwo 50%')
  block.show([])
  t.equal(screen.shown(), 'held back')
  block.show(['three'])
  block.end()
  t.equal(screen.shown(), 'held back')
})

t.test('what acts on a terminal is taken out of names', async (t) => {
  const screen = terminal()
  const block = await updatingBlock(screen)
  block.show(['node \u001B]0;evil\u0007'])
  block.above('\u001B[31mred')
  const written = screen.written.join('')
  for (const acting of ['\u001B]', '\u0007', '\u001B[31m']) t.notOk(written.includes(acting))
  block.end()
})

t.test('a block is as high as the terminal, and its end is what is seen', async (t) => {
  const screen = { ...terminal(), rows: 3 }
  const block = await updatingBlock(screen)
  block.show(['a', 'b', 'c', 'd'])
  const written = screen.written.join('')
  for (const acting of ['\u001B]', '\u0007', '\u001B[31m']) t.notOk(written.includes(acting))
  t.match(screen.written.join(''), /c\nd\n/)
  block.end()
})
