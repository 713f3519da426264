import { binaries, buildTargets } from './binaries.ts'

// Finds or builds what `npm run test:e2e` needs, so that it can be done beforehand, and what compares targets with Go.
for (const [name, path] of Object.entries(binaries())) console.log(`${name}: ${path}`)
try {
  console.log(`targets: ${buildTargets()}`)
} catch (error) {
  // With binaries at hand, all else works without Go.
  if (process.env.KUBEBUILDER_ASSETS === undefined) throw error
  console.log(`targets: not built, so that comparison is skipped (${String(error)})`)
}
