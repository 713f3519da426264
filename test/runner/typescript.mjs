// Lets Node run the TypeScript of this project as it is: `node --import ./test/runner/typescript.mjs FILE.ts`. From 22.18 on Node
// does so by itself.
import { register } from 'node:module'

if (!process.features.typescript) register('./typescript-hooks.mjs', import.meta.url)
