import { binaries, buildActionlint, buildPromtool, buildTargets } from './binaries.ts'

// Finds or builds what `npm run test:e2e` needs, so that it can be done beforehand, and what tests beside it compare with:
// how Go reads targets, how Prometheus reads rules and metrics, and how GitHub reads
// workflows.
for (const [name, path] of Object.entries(binaries())) console.log(`${name}: ${path}`)
const builds = { targets: buildTargets, promtool: buildPromtool, actionlint: buildActionlint }
for (const [name, build] of Object.entries(builds)) {
  try {
    console.log(`${name}: ${build()}`)
  } catch (error) {
    // With binaries at hand, all else works without Go.
    if (process.env.KUBEBUILDER_ASSETS === undefined) throw error
    console.log(`${name}: not built, so its tests are skipped (${String(error)})`)
  }
}
