import t from 'tap'
import { brokenInto, hanging, reflowed, widthOf, wrapped } from '../../src/text/wrap.ts'

t.test('a line is broken between words, and what goes on begins below its text', (t) => {
  t.equal(
    wrapped('Why:   Longhorn crashes the manager of node-1 if an eviction meets a clean-up.', 44),
    'Why:   Longhorn crashes the manager of\n       node-1 if an eviction meets a\n       clean-up.',
  )
  t.equal(wrapped('  ✓ one two three', 12), '  ✓ one two\n    three')
  t.equal(
    wrapped('  cleaning up  one two three four', 30),
    '  cleaning up  one two three\n               four',
  )
  t.equal(wrapped('    do:  one two three', 18), '    do:  one two\n         three')
  t.end()
})

t.test('a command stays one line, since a person copies it', (t) => {
  const commands = [
    'kubectl -n longhorn-system get backingimages.longhorn.io ubuntu-22.04 -o yaml',
    'Look:  kubectl -n longhorn-system get backingimages.longhorn.io ubuntu-22.04 -o yaml',
    '  $ holdfast evict node-1 --disk disk-2 --timeout 2h',
  ]
  for (const command of commands) t.equal(wrapped(command, 20), command)
  t.end()
})

t.test('a word that is wider than the terminal stays whole in prose, and is broken in a cell', (t) => {
  t.equal(wrapped('see http://127.0.0.1:8081/status now', 12), 'see\nhttp://127.0.0.1:8081/status\nnow')
  t.strictSame(brokenInto('ip-10-0-12-34.internal', 14), ['ip-10-0-12-34.', 'internal'])
  t.strictSame(brokenInto('eviction-during-cleanup', 10), ['eviction-', 'during-', 'cleanup'])
  t.strictSame(brokenInto('evicting disk-2 of node-1', 12), ['evicting', 'disk-2 of', 'node-1'])
  t.strictSame(brokenInto('abcdefghijkl 2026-11-30', 10), ['abcdefghij', 'kl', '2026-11-30'])
  t.end()
})

t.test('without a terminal a text stays as it is', (t) => {
  const text = 'word '.repeat(80)
  t.equal(wrapped(text, undefined), text)
  t.end()
})

t.test('a margin never takes most of a terminal', (t) => {
  const narrow = wrapped(`${' '.repeat(20)}one two three four`, 24)
  for (const line of narrow.split('\n').slice(1)) t.match(line, /^ {2}\S/)
  t.end()
})

t.test('colours and East Asian characters count as a terminal shows them', (t) => {
  t.equal(widthOf('\u001B[31mdanger\u001B[39m'), 6)
  t.equal(widthOf('磁盘'), 4)
  t.equal(wrapped('磁盘 磁盘 磁盘', 9), '磁盘 磁盘\n磁盘')
  t.end()
})

t.test('a help is laid out anew for each width, and its lists and examples stay', (t) => {
  const help = `Usage: holdfast x

STATE is one of:
  ok    fine
A long paragraph that was
written on two lines.

Examples:
  $ holdfast x --long-flag
`
  t.equal(
    reflowed(help, 40),
    `Usage: holdfast x

STATE is one of:
  ok    fine
A long paragraph that was written on two
lines.

Examples:
  $ holdfast x --long-flag
`,
  )
  t.end()
})

t.test('a text behind a prefix goes on below itself', (t) => {
  t.equal(hanging('error  crds  ', 'one two three four', 26), 'error  crds  one two three\n             four')
  t.equal(hanging('error  crds  ', 'one two', undefined), 'error  crds  one two')
  t.end()
})
