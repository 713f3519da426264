import { binaries, buildPromtool, buildTargets } from './binaries.ts'

// Finds or builds what `npm run test:e2e` needs, so that it can be done beforehand, and what tests beside it compare with:
// how Go reads targets, and how Prometheus reads rules and metrics.
for (const [name, path] of Object.entries(binaries())) console.log(`${name}: ${path}`)
for (const [name, build] of Object.entries({ targets: buildTargets, promtool: buildPromtool })) {
  try {
    console.log(`${name}: ${build()}`)
  } catch (error) {
    // With binaries at hand, all else works without Go.
    if (process.env.KUBEBUILDER_ASSETS === undefined) throw error
    console.log(`${name}: not built, so its tests are skipped (${String(error)})`)
  }
}
