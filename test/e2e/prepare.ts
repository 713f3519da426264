import { binaries } from './binaries.ts'

// Finds or builds what `npm run test:e2e` needs, so that it can be done beforehand.
for (const [name, path] of Object.entries(binaries())) console.log(`${name}: ${path}`)
