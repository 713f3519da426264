// Runs the named test files, one after the other, as one test of tap, and reports its progress to the runner.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

// At once, since a test may change the folder it works in.
const files = process.argv.splice(2)
const urls = files.map((file) => pathToFileURL(resolve(file)).href)
// tap names its folders by the program that runs, and those of two processes must differ.
process.argv[1] = resolve(files[0])

// The channel to the runner keeps no process alive.
process.channel?.unref()
const { default: fc } = await import('fast-check')
// The same cases in each run, so that nothing but the code decides; others in each of the thorough ones.
if (process.env.HOLDFAST_THOROUGH !== 'yes') fc.configureGlobal({ seed: 20_261_129 })
if (process.env.HOLDFAST_THOROUGH !== 'yes') await import('./untracked.mjs')
const { default: t } = await import('tap')
// Many waits on one signal would hide a leak among themselves.
process.on('warning', ({ name, stack }) => {
  if (name === 'MaxListenersExceededWarning') process.send?.({ warned: stack })
})
t.on('end', () => process.send?.({ ended: true }))
for (const [at, url] of urls.entries()) {
  await import(url)
  process.send?.({ loaded: files[at] })
}
