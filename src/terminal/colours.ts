import { createColors } from 'picocolors'

/** Where text goes, and whether a person reads it there. */
export interface Screen {
  readonly isTTY?: boolean
}

/** Colours for a terminal, and none where there is none or where the person wants none (https://no-color.org). */
export function coloursFor(screen: Screen, env: Readonly<Record<string, string | undefined>>): Colours {
  return createColors(screen.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb')
}

/** Functions that paint a text. */
export type Colours = ReturnType<typeof createColors>
