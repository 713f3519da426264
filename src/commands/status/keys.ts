/** What a person wants of a status that is shown in one place. */
export type Wish = 'quit' | 'down' | 'up' | 'page-down' | 'page-up' | 'first' | 'last'

/** As `less` and `top` have them. A terminal sends the named keys in one of two ways. */
const wishes: ReadonlyMap<string, Wish> = new Map([
  ['q', 'quit'],
  ['Q', 'quit'],
  ['j', 'down'],
  ['\u001B[B', 'down'],
  ['\u001BOB', 'down'],
  ['\r', 'down'],
  ['k', 'up'],
  ['\u001B[A', 'up'],
  ['\u001BOA', 'up'],
  [' ', 'page-down'],
  ['f', 'page-down'],
  ['\u001B[6~', 'page-down'],
  ['b', 'page-up'],
  ['\u001B[5~', 'page-up'],
  ['g', 'first'],
  ['\u001B[H', 'first'],
  ['\u001BOH', 'first'],
  ['\u001B[1~', 'first'],
  ['G', 'last'],
  ['\u001B[F', 'last'],
  ['\u001BOF', 'last'],
  ['\u001B[4~', 'last'],
])

/** The wishes in what a terminal has sent, which may be several keys at once. It passes over other keys. */
export function wishesIn(typed: string): readonly Wish[] {
  // eslint-disable-next-line no-control-regex -- it is what a terminal sends
  const keys = typed.match(/\u001B(?:\[[\d;]*[~A-Za-z]|O[A-Za-z])|[^]/g) ?? []
  return keys.flatMap((key) => wishes.get(key) ?? [])
}
