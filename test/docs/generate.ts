// Run by `npm run docs:generate`: writes the generated parts of the docs anew, and what `console` blocks show of a
// terminal, which takes kubectl and a minute. With `-- --parts` the parts alone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withoutKubectl } from '../fixtures/kubectl.ts'
import { root } from '../fixtures/root.ts'
import { played, textOf, timeless } from './exchanges.ts'
import { partsOf, withParts, writeParts } from './generated.ts'
import { blocksOf, pages, read } from './pages.ts'

const written = await writeParts()
for (const page of pages) {
  const text = read(page)
  if (partsOf(text).size > 0) await put(page, withParts(text, written))
}
if (withoutKubectl !== false && !process.argv.includes('--parts')) {
  console.error(`What docs show of a terminal stays as it is: ${withoutKubectl}`)
} else if (!process.argv.includes('--parts')) {
  for (const page of pages)
    if (blocksOf(page).some(({ language }) => language === 'console')) await playAgain(page)
}

/** Plays a page again; a block that differs only in times stays as it is. */
async function playAgain(page: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-docs-'))
  const endings: (() => unknown)[] = [() => rm(folder, { recursive: true })]
  try {
    const blocks = await played(page, folder, { teardown: (end: () => unknown) => void endings.unshift(end) })
    let text = read(page)
    for (const block of blocks) {
      const [shown, real] = [textOf(block.shown), textOf(block.real)]
      if (timeless(shown) !== timeless(real)) text = text.replace(shown, () => real)
    }
    await put(page, text)
  } finally {
    for (const end of endings) await end()
  }
}

async function put(page: string, text: string): Promise<void> {
  if (text === read(page)) return
  await writeFile(join(root, page), text)
  console.log(`${page} is written anew`)
}
