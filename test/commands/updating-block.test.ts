import t from 'tap'
import { updatingBlock } from '../../src/commands/updating-block.ts'
import { terminal } from './terminal-screen.ts'

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

t.test('names lose characters that act on a terminal', async (t) => {
  const screen = terminal()
  const block = await updatingBlock(screen)
  block.show(['node \u001B]0;evil\u0007'])
  block.above('\u001B[31mred')
  const written = screen.written.join('')
  for (const acting of ['\u001B]', '\u0007', '\u001B[31m']) t.notOk(written.includes(acting))
  block.end()
})

t.test('a block is at most as high as the terminal, and shows its end', async (t) => {
  const screen = { ...terminal(), rows: 3 }
  const block = await updatingBlock(screen)
  block.show(['a', 'b', 'c', 'd'])
  const written = screen.written.join('')
  for (const acting of ['\u001B]', '\u0007', '\u001B[31m']) t.notOk(written.includes(acting))
  t.match(screen.written.join(''), /c\nd\n/)
  block.end()
})
