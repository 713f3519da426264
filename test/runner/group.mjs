// Runs the test files that are named, one after the other, as one test of tap.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

// At once, since a test may change the folder it works in.
const files = process.argv.splice(2).map((file) => resolve(file))
// tap names its folders by the program that runs, and those of two processes must differ.
process.argv[1] = files[0]
for (const file of files) await import(pathToFileURL(file).href)
