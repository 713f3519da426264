#!/usr/bin/env node
import { keepCompiled } from './compile-cache.ts'

// Before anything else is loaded, since Node keeps only what it compiles later.
keepCompiled(process.env)
const { runProgram } = await import('./program.ts')
process.exitCode = await runProgram(process.argv.slice(2))
