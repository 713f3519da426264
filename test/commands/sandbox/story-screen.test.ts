import t from 'tap'
import { storyScreen } from '../../../src/commands/sandbox/story-screen.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'
import { terminal } from '../terminal-screen.ts'

t.test('a terminal shows the wait of the story, and for how long, until the next sentence', async (t) => {
  const clock = new FakeClock()
  const screen = terminal({ columns: 60, rows: 10 })
  const story = await storyScreen(screen, clock)
  story.write('  You evict disk-2.')
  story.waits('the clean-up to end')
  clock.advance(3_000)
  t.equal(screen.shown(), '  You evict disk-2.\n  … waits for the clean-up to end (3s)')
  story.waits(undefined)
  clock.advance(1_000)
  t.equal(screen.shown(), '  You evict disk-2.\n  … (4s)')
  story.write('  \u001B[32m✓\u001B[39m It has ended.')
  t.match(screen.shown(), /^ {2}You evict disk-2\.\n.*It has ended\.$/)
  clock.advance(2_000)
  t.match(screen.shown(), '… (2s)')
  story.rests()
  clock.advance(5_000)
  t.notMatch(screen.shown(), '…')
})

t.test('elsewhere the story is lines alone', async (t) => {
  const clock = new FakeClock()
  const screen = { ...terminal({ columns: 60, rows: 10 }), isTTY: false }
  const story = await storyScreen(screen, clock)
  story.write('a line '.repeat(20))
  story.waits('nothing')
  clock.advance(5_000)
  t.strictSame(screen.written, [`${'a line '.repeat(20)}\n`])
  story.rests()
})
