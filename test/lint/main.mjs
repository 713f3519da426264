// Names circles of imports in src, and what src exports although nothing imports it. Ends with 1 if there is one.
import { join } from 'node:path'
import { circlesOf, modulesOf, readTexts, unusedExports } from './imports.js'

const modules = modulesOf(readTexts(join(import.meta.dirname, '../..'), ['src', 'test']))
const ofSrc = new Map([...modules].filter(([path]) => path.startsWith('src/')))
const faults = [
  ...circlesOf(ofSrc).map((circle) => `These files import each other in a circle: ${circle.join(' → ')}`),
  ...unusedExports(modules).map((name) => `Nothing imports ${name}: drop the export, or the declaration.`),
]
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
