// Module hooks for a Node that does not strip types itself. Types become blanks, so lines and columns stay as they are, for
// stack traces and for coverage. The results are cached by content, for all processes and runs.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/holdfast/without-types', import.meta.url))

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return await next(url, context)
  const text = await readFile(new URL(url), 'utf8')
  return { format: 'module', source: await withoutTypes(text, url), shortCircuit: true }
}

async function withoutTypes(text, url) {
  const kept = join(cache, createHash('sha256').update(text).digest('hex'))
  try {
    return await readFile(kept, 'utf8')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  const { default: blank } = await import('ts-blank-space')
  const source = blank(text, (node) => {
    throw new SyntaxError(
      `${fileURLToPath(url)}: this cannot be erased: ${text.slice(node.pos, node.end).trim()}`,
    )
  })
  await mkdir(cache, { recursive: true })
  // Whole or not at all: other processes read it meanwhile.
  const written = `${kept}.${randomUUID()}`
  await writeFile(written, source)
  await rename(written, kept)
  return source
}
