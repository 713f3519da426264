import { isAbsolute, relative, resolve, sep } from 'node:path'

/**
 * A file as CI systems name it: from the root of the repository, with slashes. A file outside of it keeps its
 * whole path.
 */
export function relativeFile(root: string, file: string): string {
  const whole = resolve(file)
  const within = relative(root, whole)
  const isOutside = within === '' || within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)
  return (isOutside ? whole : within).split(sep).join('/')
}
