import t from 'tap'
import { openDisplay, Notes } from '../../../src/commands/status/display.ts'
import { watchStatus } from '../../../src/commands/status/watch.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { cluster, noon } from '../../fixtures/cluster.ts'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'
import { type Terminal, terminal } from '../terminal-screen.ts'
import { look } from './look.ts'

const small = cluster('v1.8.0')
  .node('n', [disk('d')])
  .image('i', [ready('d')])

/** A cluster whose last nodes, by name, are in danger. */
function crowd(nodes: number, inDanger: number) {
  let world = cluster('v1.8.0')
  const names = Array.from({ length: nodes }, (_, at) => `node-${String(at + 1).padStart(2, '0')}`)
  for (const [at, name] of names.entries()) {
    const isBad = at >= nodes - inDanger
    world = world.node(name, [disk(`d-${name}`)], { evictionRequested: isBad })
    if (isBad) world = world.image(`image-${name}`, [pending(`d-${name}`), ready('d-node-01')])
  }
  return { world, names, bad: names.slice(nodes - inDanger) }
}

interface Watching {
  readonly screens: number
  readonly ageMs?: number
  readonly world?: ReturnType<typeof crowd>['world']
  /** The cluster from the second look on. */
  readonly later?: ReturnType<typeof crowd>['world']
  readonly during?: (notes: Notes, type: (keys: string) => void) => void
  readonly wide?: boolean
}

/** Watches until so much was shown. */
async function watch(
  screen: Terminal,
  { screens, ageMs = 0, world = small, later = world, during, wide = false }: Watching,
) {
  const ended = new AbortController()
  const listeners = new Set<() => void>()
  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const notes = new Notes(screen)
  const format = { headers: true, watch: true, ...(wide && { output: { format: 'wide' as const } }) }
  const plain = { colours: coloursFor({}, {}), server: 'https://lab:6443' }
  const typing = new Set<(typed: string) => void>()
  const onKey = (press: (typed: string) => void) => {
    typing.add(press)
    return () => typing.delete(press)
  }
  const quit = (): void => ended.abort(new Error('quit'))
  const display = await openDisplay(format, plain, { stdout: screen, onKey }, { notes, quit })
  let shown = 0
  const counting = {
    isOnePlace: display.isOnePlace,
    show: (...args: Parameters<typeof display.show>) => {
      display.show(...args)
      shown += 1
      during?.(notes, (keys) => typing.forEach((press) => press(keys)))
      for (const listener of listeners) listener()
      if (shown === screens) ended.abort(new Error('enough'))
    },
  }
  await watchStatus(
    {
      look: () => look(shown === 0 ? world : later, { now: noon }),
      live: { subscribe, ageMs: () => ageMs },
      book: { subscribe },
      guard: { replicas: undefined, refresh: () => Promise.resolve() },
      display: counting,
    },
    ended.signal,
  )
  await display.stop()
  t.equal(listeners.size + typing.size, 0, 'it has stopped listening')
}

t.test('a terminal shows the newest status alone, in its place, with its heading', async (t) => {
  const screen = terminal({ columns: 100, rows: 24 })
  await watch(screen, { screens: 2 })
  t.equal(
    screen.shown(),
    `Cluster:  https://lab:6443, seen at 2026-01-01T12:00:00Z
Longhorn: v1.8.0 crashes if an eviction meets a clean-up on any disk of the node (profile A)
Guard:    unknown: no replica was asked

NODE   FLAGS   SCHEDULING   DISKS   COPIES   PENDING   RESERVED   STATE
n      -       open         1       1        -         -          ok`,
  )
})

t.test('a terminal says when the cluster has fallen silent, below the heading', async (t) => {
  const screen = terminal({ columns: 100, rows: 24 })
  await watch(screen, { screens: 1, ageMs: 180_000 })
  t.match(screen.shown(), /^Guard: .*\nThe cluster has sent nothing for 3m\.\n\nNODE/m)
})

t.test('of 40 nodes each one in danger is seen on 24 lines of 80, below the heading', async (t) => {
  for (const inDanger of [0, 1, 5, 12, 17, 30, 39]) {
    const { world, bad } = crowd(40, inDanger)
    const screen = terminal({ columns: 80, rows: 24 })
    await watch(screen, { screens: 2, world })
    const shown = screen.shown()
    t.match(shown, /^Cluster: .*\nLonghorn: [^]*\nGuard: [^]*\nNODE /, `${inDanger}: the heading stays`)
    for (const name of bad) t.match(shown, name, `${inDanger}: ${name} is seen`)
    t.match(shown, /^… \d+ more nodes: /m)
    t.ok(shown.split('\n').length < 24, `${inDanger}: there is room for the cursor`)
    t.ok(
      shown.split('\n').every((line) => line.length <= 80),
      `${inDanger}: no line is wider`,
    )
  }
})

t.test('a terminal that is high enough shows all', async (t) => {
  const screen = terminal({ columns: 120, rows: 100 })
  const { world, names } = crowd(40, 3)
  await watch(screen, { screens: 1, world })
  for (const name of names) t.match(screen.shown(), new RegExp(`^${name} `, 'm'))
  t.notMatch(screen.shown(), /more/)
})

t.test('a terminal that is made smaller shows what there is room for', async (t) => {
  const screen = terminal({ columns: 100, rows: 60 })
  const { world, bad } = crowd(40, 3)
  await watch(screen, { screens: 2, world, during: () => void Object.assign(screen, { rows: 16 }) })
  for (const name of bad) t.match(screen.shown().split('\n').slice(-15).join('\n'), name)
})

t.test('q ends it', async (t) => {
  const screen = terminal({ columns: 100, rows: 24 })
  await watch(screen, { screens: 9, during: (_, type) => type('q') })
  t.match(screen.shown(), /^Cluster: /)
})

t.test('keys scroll at once through rows that have no room, and back', async (t) => {
  const { world, names } = crowd(40, 0)
  const screen = terminal({ columns: 80, rows: 24 })
  const places: string[] = []
  const first = names[0] ?? ''
  await watch(screen, {
    screens: 1,
    world,
    during: (_, type) => {
      for (const keys of ['\u001B[B', 'jj', ' ', 'G', 'Gk', 'k', '\u001B[5~', 'g', 'kj']) {
        type(keys)
        const shown = screen.shown()
        t.ok(shown.split('\n').length < 24, keys)
        t.match(shown, /^Cluster: /, `${keys}: the heading stays`)
        places.push(/^lines (\d+) to \d+ of 41/m.exec(shown)?.[1] ?? (shown.includes(first) ? 'first' : '?'))
      }
    },
  })
  t.strictSame(places, ['2', '4', '20', '26', '25', '24', '8', 'first', '2'])
})

t.test('keys change nothing where all is shown', async (t) => {
  const screen = terminal({ columns: 100, rows: 24 })
  await watch(screen, { screens: 1, during: (_, type) => type('jGx\u001B[6~') })
  t.match(screen.shown(), /\nNODE .*\nn .* ok$/)
})

t.test('a warning stays above the lines that are written anew', async (t) => {
  const screen = terminal({ columns: 100, rows: 24 })
  await watch(screen, { screens: 3, during: (notes) => notes.note('the guard is gone') })
  const lines = screen.shown().split('\n')
  t.strictSame(
    lines.slice(0, 3),
    Array.from({ length: 3 }, () => 'holdfast: the guard is gone'),
  )
  t.match(lines[3], /^Cluster:/)
})

t.test('standard error elsewhere gets the warning alone', (t) => {
  const screen = terminal({ columns: 100, rows: 24 })
  const stderr = { ...terminal({ columns: 80, rows: 24 }), isTTY: false }
  const notes = new Notes(stderr)
  notes.above = (text) => screen.write(text)
  notes.note('gone')
  t.strictSame([stderr.written, screen.written], [['holdfast: gone\n'], []])
  t.end()
})

t.test('elsewhere than on a terminal each change is another block', async (t) => {
  const screen = { ...terminal({ columns: 80, rows: 24 }), isTTY: false }
  const later = cluster('v1.8.0')
    .node('n', [disk('d')])
    .image('i', [pending('d')])
  await watch(screen, { screens: 2, later })
  const [first = '', ...others] = screen.written
  t.match(first, /^Cluster: [^]*\nn +- +open .* ok\n$/)
  t.equal(others.length, 1)
  t.match(others[0], /^\nCluster: [^]*\nn +- +open .* cleaning up\n/)
  t.notMatch(screen.written.join(''), '\u001B')
})
