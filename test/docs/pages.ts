import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../fixtures/root.ts'

/** Folders that hold nothing of the project's own. */
const others = new Set(['node_modules', 'dist', 'build', 'coverage'])

/** Every Markdown page of the project, by its path from the top folder, sorted. */
export const pages: readonly string[] = ['.', ...foldersBelow('')]
  .flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  )
  .sort()

function foldersBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !others.has(entry.name))
    .filter(({ name }) => !name.startsWith('.') || name === '.github')
    .map(({ name }) => join(folder, name))
    .flatMap((path) => [path, ...foldersBelow(path)])
}

/** The text of a page, or of any other file of the project. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** A fenced block of a page. */
export interface Block {
  readonly page: string
  /** The word behind the fence: `sh`, `console`, `yaml`; empty without one. */
  readonly language: string
  readonly text: string
}

/** The fenced blocks of a page, in their order. One within a list stands further right, and its text is taken back. */
export function blocksOf(page: string): Block[] {
  return [...read(page).matchAll(/^( *)```(\w*)\n([^]*?)^\1```$/gm)].map(
    ([, indent = '', language = '', text = '']) => ({
      page,
      language,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  )
}

/** The cells of each table row of a page. A `\|` within a cell is a plain `|`. */
export function rowsOf(page: string): string[][] {
  return read(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    )
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  const text = read(page).replaceAll(/^( *)```[^]*?^\1```$/gm, '')
  for (const [, heading = ''] of text.matchAll(/^#{1,6} (.*)$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    anchors.add(before === 0 ? slug : `${slug}-${before}`)
  }
  return anchors
}
