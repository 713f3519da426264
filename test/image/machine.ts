import { spawnSync } from 'node:child_process'

/** A program that the tests of the image start, and the package of Debian that has it. */
const programs: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  npm: 'npm',
  unshare: 'util-linux',
  setpriv: 'util-linux',
}

/** The platform of this machine, in the words of images. */
export const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64'

/**
 * Sentences about what this machine lacks to build and run an image; none if it has all.
 *
 * @param fromRegistry whether the bases come from their registries, and none has to be made here
 */
export function lacking(fromRegistry: boolean): string[] {
  const needed = fromRegistry ? programs : { ...programs, mmdebstrap: 'mmdebstrap' }
  const sentences = Object.entries(needed)
    .filter(([program]) => spawnSync(program, ['--version']).status !== 0)
    .map(([program, name]) => `There is no ${program}: apt-get install --no-install-recommends ${name}`)
  if (process.getuid?.() !== 0)
    sentences.push('An image can be unpacked and run as its own user by root only: run this as root.')
  else if (spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0)
    sentences.push('This machine lets root mount nothing, and the root of the image has to be read-only.')
  if (!['x64', 'arm64'].includes(process.arch)) sentences.push(`There is no image for ${process.arch}.`)
  return sentences
}
