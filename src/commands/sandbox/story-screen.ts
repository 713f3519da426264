import { wrapped } from '../../text/wrap.ts'
import type { Clock } from '../../time/clock.ts'
import type { Output } from '../surroundings.ts'
import { widthOf } from '../terminal.ts'
import { updatingBlock } from '../updating-block.ts'

/** What a story is told on. */
interface StoryScreen {
  /** Writes a line, which is plain and may have colours. */
  readonly write: (line: string) => void
  /** Says what the story waits for now; undefined for nothing that it knows. */
  readonly waits: (what: string | undefined) => void
  /** Nothing moves from now on by itself. */
  readonly rests: () => void
}

/** A terminal shows that the story waits, for what, and for how long: nothing else moves meanwhile. */
export async function storyScreen(
  stdout: Output,
  clock: Pick<Clock, 'monotonic' | 'setTimer'>,
): Promise<StoryScreen> {
  const show = (line: string): string => wrapped(line, widthOf(stdout))
  if (stdout.isTTY !== true)
    return { write: (line) => stdout.write(`${show(line)}\n`), waits: nothing, rests: nothing }
  const block = await updatingBlock(stdout)
  let since = clock.monotonic()
  let what: string | undefined
  let cancel = nothing
  const count = (): void => {
    const seconds = Math.round((clock.monotonic() - since) / paceMs)
    if (seconds > 0) block.draw(show(`  … ${what === undefined ? '' : `waits for ${what} `}(${seconds}s)`))
    cancel = clock.setTimer(paceMs, count)
  }
  cancel = clock.setTimer(paceMs, count)
  return {
    write: (line) => {
      since = clock.monotonic()
      block.draw('')
      stdout.write(`${show(line)}\n`)
    },
    waits: (next) => (what = next),
    rests: () => {
      cancel()
      block.end()
    },
  }
}

const paceMs = 1_000

const nothing = (): void => undefined
