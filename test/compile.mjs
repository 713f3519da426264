// Compiles sources and tests into one folder. Types are `npm run typecheck`'s work.
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** @param build the folder, emptied first */
export function compile(build) {
  rmSync(build, { recursive: true, force: true })
  const options = ['--noCheck', '--noEmit', 'false', '--outDir', build]
  execFileSync('node_modules/.bin/tsc', ['-p', 'test', ...options], { stdio: 'inherit' })
  // `holdfast --version` reads it.
  cpSync('package.json', join(build, 'package.json'))
  // Plain JavaScript, which ESLint reads too.
  cpSync('test/lint', join(build, 'test/lint'), { recursive: true })
}
