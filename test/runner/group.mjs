// Runs the test files that are named, one after the other, as one test of tap.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const files = process.argv.splice(2)
// tap names its folders by the program that runs, and those of two processes must differ.
process.argv[1] = resolve(files[0])
for (const file of files) await import(pathToFileURL(resolve(file)).href)
