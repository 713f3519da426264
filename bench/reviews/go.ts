import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cache } from '../cache.ts'

/** The webhooks in Go, by their folders in bench/go. */
export type GoServer = 'lean' | 'controller-runtime'

/** Builds one; the first build takes minutes, a repeated one a second. @returns the program @throws if Go or a module is missing */
export async function buildGo(server: GoServer): Promise<string> {
  mkdirSync(cache, { recursive: true })
  const program = join(cache, `go-${server}`)
  await promisify(execFile)('go', ['build', '-trimpath', '-o', program, `./${server}`], {
    cwd: join(import.meta.dirname, '../go'),
    env: { ...process.env, CGO_ENABLED: '0' },
  })
  return program
}
