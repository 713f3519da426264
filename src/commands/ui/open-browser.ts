import { spawn } from 'node:child_process'
import type { Environment } from '../surroundings.ts'

/** The program that opens an address in a person's browser; undefined where there is no screen. */
function opener(platform: NodeJS.Platform, env: Environment): readonly [string, ...string[]] | undefined {
  if (platform === 'darwin') return ['open']
  if (platform === 'win32') return ['cmd', '/c', 'start', '']
  return env.DISPLAY === undefined && env.WAYLAND_DISPLAY === undefined ? undefined : ['xdg-open']
}

/** Opens an address in the person's browser, if there is one. The address is on the terminal too, so a failure is no harm. */
export function openBrowser(url: string, env: Environment, platform = process.platform): void {
  const [program, ...args] = opener(platform, env) ?? []
  if (program === undefined) return
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true, env: { ...env } })
  child.on('error', () => undefined)
  child.unref()
}
