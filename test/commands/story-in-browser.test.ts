import t from 'tap'
import { TestBrowser, withoutChromium as skip } from '../fixtures/chromium.ts'
import { linesOf, start } from './holdfast.ts'

const browser = new TestBrowser(t)

t.test(
  'the page shows the whole story while it happens, with its danger and its hold',
  { skip },
  async (t) => {
    // Before the story, since the danger of its first act is over within seconds.
    const page = await browser.open(t, 'about:blank')
    const running = start(['sandbox', '--drain', '6s'], { TMPDIR: t.testdir() })
    t.teardown(running.end)
    const lines: string[] = []
    const until = linesOf(running, lines)
    await page.goto(/http:\S+/.exec(await until(/Watch it in a browser/))?.[0] ?? '')
    const story = page.locator('#story-lines')
    await story.getByText('Act 1. The guard is off').waitFor()
    await page
      .getByRole('alert')
      .getByText(/Danger on node-1/)
      .waitFor()
    await story.getByText(/✗ The longhorn-manager of node-1 crashes/).waitFor()
    await story.getByText('Act 2. The guard is on, the same two requests').waitFor()
    await page.getByText('Guard: 1 replica, mode enforce').waitFor()
    await page.locator('#waiting').getByText('evicting disk-2 of node-1').waitFor()
    await story.getByText('✓ The clean-up has ended, and the eviction is admitted.').waitFor()
    await story.getByText('Manager crashes: 1 with the guard off, 0 with it on.').waitFor()
    await until(/A clean-up takes/)
    await story.getByText(/A clean-up takes/).waitFor()
    // A quote is one paragraph of several lines.
    const shownLines = (await story.innerText())
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
    const printed = lines.map((line) => line.trim()).filter(Boolean)
    t.strictSame(shownLines, printed)
  },
)
