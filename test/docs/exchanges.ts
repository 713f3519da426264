import { guardSandbox } from '../../src/commands/sandbox/guard-sandbox.ts'
import { type Block, blocksOf } from './pages.ts'
import { type Ending, shellIn } from './shell.ts'

/** A terminal in a page: a command, and its output. */
export interface Exchange {
  /** As it is typed, with all its lines. */
  readonly command: string
  readonly output: string
}

/** Reads a `console` block: each `$ ` begins a command, and a line that ends with `\` goes on. */
export function exchangesOf({ text }: Block): Exchange[] {
  return [...text.matchAll(/^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)/gm)].map(
    ([, command = '', output = '']) => ({ command, output }),
  )
}

/** Writes such a block again. */
export function textOf(exchanges: readonly Exchange[]): string {
  return exchanges.map(({ command, output }) => `$ ${command}\n${output}`).join('')
}

/** Separates the outputs of two commands. */
const separator = '\u001E'

/**
 * Runs the commands that a page shows, on a new embedded cluster with a guard, where no clean-up ends.
 *
 * @param folder that is empty
 * @returns the text of each block, and the real output
 */
export async function played(page: string, folder: string, ending: Ending) {
  const { sandbox, start } = await shellIn(folder, ending, { nodes: 3, images: 2 })
  const nobody = { decided: () => undefined }
  const guard = await guardSandbox(sandbox, nobody, process.stderr, new AbortController().signal, {
    replica: 'holdfast-0',
  })
  ending.teardown(() => guard.stop())
  const played: { readonly shown: readonly Exchange[]; readonly real: readonly Exchange[] }[] = []
  for (const block of blocksOf(page).filter(({ language }) => language === 'console')) {
    const shown = exchangesOf(block)
    const running = start(
      shown.map(({ command }) => `printf '${separator}'\n${command}`).join('\n'),
      'set +e',
    )
    await running.ended
    const [, ...outputs] = running.output().split(separator)
    played.push({ shown, real: shown.map(({ command }, at) => ({ command, output: outputs[at] ?? '' })) })
  }
  return played
}

/**
 * The same text without the parts that differ from run to run: UUIDs, lengths of time, times, ports, the width of columns,
 * and reservations, which end soon after their writes.
 */
export function timeless(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replaceAll(/\b\d+(\.\d+)? ?(ms|s|m|h)\b/g, 'AGE')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/ 1 (clean-up|eviction) /g, ' - ')
    .replaceAll(/ $/gm, '')
}
