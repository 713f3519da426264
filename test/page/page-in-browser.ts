import type { BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { comesTrue } from '../commands/guarded-cluster.ts'
import { TestBrowser } from '../fixtures/chromium.ts'
import { PageWorld, smallCluster } from './page-world.ts'

/** A browser that ends with the test, and the pages in it. */
export function pagesInBrowser(t: Pick<Test, 'teardown'>) {
  const browser = new TestBrowser(t)
  return {
    /** A world, and its page as soon as it is live. */
    shown: async (
      t: Test,
      world = new PageWorld(smallCluster()),
      options: BrowserContextOptions & { readonly hash?: string } = {},
    ) => {
      const { url, close } = await world.serve(t)
      const { hash = '', ...rest } = options
      const page = await browser.open(t, `${url}/ui/${hash}`, {
        viewport: { width: 1280, height: 900 },
        ...rest,
      })
      await page.getByText('live', { exact: true }).waitFor()
      return { world, page, url, close, row: (name: string) => page.locator(`[data-node="${name}"]`) }
    },
  }
}

/**
 * Waits until an expression is true in a page. `waitForFunction` of Playwright evaluates it again within the page, which the
 * page's own policy forbids.
 */
export async function becomes(page: Page, expression: string): Promise<void> {
  await comesTrue(async () => (await page.evaluate(expression)) === true)
}
