import type { Route } from 'playwright-core'
import t from 'tap'
import { planWithin } from '../../src/commands/ui/page-plan.ts'
import { withoutChromium as skip } from '../fixtures/chromium.ts'
import { systemClock } from '../../src/time/clock.ts'
import { ready } from '../fixtures/raw-objects.ts'
import { eventually } from '../fixtures/eventually.ts'
import { pagesInBrowser } from './page-in-browser.ts'
import { PageWorld, smallCluster } from './page-world.ts'

const { shown } = pagesInBrowser(t)

t.test('what if, in a browser', { skip }, (t) => {
  t.test('the answer follows the cluster, and a keyboard on the commands stays there', async (t) => {
    const objects = smallCluster()
    const { world, page, row } = await shown(t, new PageWorld(objects))
    await row('n1').getByRole('checkbox').check()
    await page.locator('#what-if').getByText('n1 would have to wait').waitFor()
    await page.getByRole('button', { name: 'Copy the commands' }).focus()
    const spoken = await page.locator('#what-if-news').textContent()
    t.match(spoken, 'n1 would have to wait')
    // At once after the first answer: it must not be lost.
    objects.at(systemClock.monotonic() - 60_000).image('ubuntu', [ready('d3')])
    world.touch()
    await page.locator('#what-if').getByText('n1 would be admitted now').waitFor()
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Copy the commands')
    t.match(await page.locator('#what-if-news').textContent(), 'n1 would be admitted now')
  })

  t.test('an answer that takes longer than the next question is shown all the same', async (t) => {
    const { page, row } = await shown(t)
    const questions: Route[] = []
    await page.route('**/what-if?*', (route) => void questions.push(route))
    await row('n1').getByRole('checkbox').check()
    await eventually(() => questions.length === 1)
    await page.clock.install()
    await page.clock.fastForward(60_000)
    await page
      .locator('#heard')
      .getByText(/heard (?:1m|5\ds)/)
      .waitFor()
    await questions[0]?.continue()
    await page.locator('#what-if').getByText('n1 would have to wait').waitFor()
  })

  t.test('a chosen node that is gone is chosen no longer, and all can be let go', async (t) => {
    const objects = smallCluster()
    const { world, page, row } = await shown(t, new PageWorld(objects))
    await row('n1').getByRole('checkbox').check()
    await row('n2').getByRole('checkbox').check()
    await page.getByText('Chosen: n1, n2').waitFor()
    objects.map.remove('Node', 'n2', systemClock.monotonic(), false)
    world.touch()
    await page.getByText('Chosen: n1', { exact: true }).waitFor()
    await page.locator('#nodes-filter').fill('no such node')
    await page.getByRole('button', { name: 'Choose none' }).click()
    await page.getByText(/Choose nodes above/).waitFor()
    t.match(await page.locator('#what-if').textContent(), /^\s*$/)
  })

  t.test('where planning would take too long it names the command', async (t) => {
    const world = new PageWorld(smallCluster())
    world.plan = planWithin(1)
    const { page, row } = await shown(t, world)
    await row('n1').getByRole('checkbox').check()
    await page.locator('#what-if').getByText('Planning takes too long here. Run this command:').waitFor()
    await page.getByText('holdfast plan n1').waitFor()
  })
  t.end()
})
