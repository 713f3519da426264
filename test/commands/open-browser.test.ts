import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openBrowser } from '../../src/commands/ui/open-browser.ts'
import { comesTrue } from './guarded-cluster.ts'

const url = 'http://127.0.0.1:1/ui/'

/** A folder with a program of this name that writes down what it was given. */
async function recorder(t: Test, name: string) {
  const folder = t.testdir()
  const file = join(folder, 'given')
  await mkdir(join(folder, 'bin'))
  const program = join(folder, 'bin', name)
  await writeFile(program, `#!/bin/sh\necho "$@" > '${file}.new'\nmv '${file}.new' '${file}'\n`)
  await chmod(program, 0o755)
  const PATH = `${join(folder, 'bin')}:/usr/bin:/bin`
  const given = async (): Promise<string> => await readFile(file, 'utf8').catch(() => '')
  return { PATH, given }
}

for (const [platform, name] of [
  ['linux', 'xdg-open'],
  ['darwin', 'open'],
  ['win32', 'cmd'],
] as const)
  t.test(`the browser opens by ${name} on ${platform}`, async (t) => {
    const { PATH, given } = await recorder(t, name)
    openBrowser(url, { PATH, DISPLAY: ':0' }, platform)
    await comesTrue(async () => (await given()).endsWith(`${url}\n`))
  })

t.test('without a screen or without the program nothing is opened, and nothing fails', async (t) => {
  const { PATH, given } = await recorder(t, 'xdg-open')
  openBrowser(url, { PATH }, 'linux')
  openBrowser(url, { PATH: '/nonexistent', WAYLAND_DISPLAY: 'wayland-0' }, 'linux')
  t.equal(await given(), '')
})
