#!/usr/bin/env node
import module from 'node:module'
import { isAbsolute, join } from 'node:path'

// Before anything else is loaded, since Node keeps only what it compiles later.
keepCompiled(process.env)
const { runProgram } = await import('./program.ts')
process.exitCode = await runProgram(process.argv.slice(2))

/**
 * Lets Node keep what it has compiled, which saves a third of the time that a command takes to start. Node
 * has this since 22.1. The folder belongs to the user: Node's own choice is one in the temporary folder, and
 * another user could put code there. Without a folder that it can write, Node compiles each time.
 */
function keepCompiled({ XDG_CACHE_HOME = '', HOME, USERPROFILE = '' }: NodeJS.ProcessEnv): void {
  const enable: unknown = Reflect.get(module, 'enableCompileCache')
  if (typeof enable !== 'function') return
  const caches = XDG_CACHE_HOME === '' ? join(HOME ?? USERPROFILE, '.cache') : XDG_CACHE_HOME
  if (!isAbsolute(caches)) return
  Reflect.apply(enable, module, [join(caches, 'holdfast/compile-cache')])
}
