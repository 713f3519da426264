import t from 'tap'
import { pages, read } from './pages.ts'

/** An object of a patch that requests an eviction, without objects in it. */
const evicting = /\{[^{}]*"evictionRequested": ?true[^{}]*\}/g

/** Longhorn's own webhook denies an eviction of a node or disk on which scheduling is open, whatever the guard says. */
t.test('every kubectl that requests an eviction closes for scheduling first', (t) => {
  const texts = [...pages, 'charts/holdfast/templates/NOTES.txt'].flatMap((page) =>
    read(page)
      .split('\n')
      .filter((line) => line.includes('kubectl patch'))
      .flatMap((line) => [...line.matchAll(evicting)].map(([text]) => ({ page, text }))),
  )
  t.ok(texts.length >= 5, `${texts.length} of them`)
  for (const { page, text } of texts) t.match(text, '"allowScheduling":false', page)
  t.end()
})
