import t from 'tap'
import { exchangesOf, played, textOf, timeless } from './docs/exchanges.ts'
import { blocksOf, pages } from './docs/pages.ts'
import { withoutKubectl as skip } from './fixtures/kubectl.ts'

for (const page of pages) {
  const shown = blocksOf(page).filter(({ language }) => language === 'console')
  if (shown.length === 0) continue
  t.test(`the terminal output in ${page} is the real one`, { skip }, async (t) => {
    const blocks = await played(page, t.testdir(), t)
    t.equal(blocks.length, shown.length)
    for (const block of blocks)
      t.equal(
        timeless(textOf(block.real)),
        timeless(textOf(block.shown)),
        'npm run docs:generate writes it anew',
      )
  })
}

t.test('a block of a terminal is read as commands with their outputs', (t) => {
  const text = '$ one \\\n  more\nfirst\n\nsecond\n$ two\n'
  const exchanges = exchangesOf({ page: '', language: 'console', text })
  t.strictSame(exchanges, [
    { command: 'one \\\n  more', output: 'first\n\nsecond\n' },
    { command: 'two', output: '' },
  ])
  t.equal(textOf(exchanges), text)
  for (const page of pages)
    for (const block of blocksOf(page))
      if (block.language === 'console') t.equal(textOf(exchangesOf(block)), block.text, page)
  t.end()
})
