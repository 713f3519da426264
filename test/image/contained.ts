import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** An image whose files are in a folder, with what a runtime needs to know of it. */
export interface UnpackedImage {
  /** The folder that is its root. */
  readonly root: string
  readonly entrypoint: readonly string[]
  /** `NAME=value` each. */
  readonly env: readonly string[]
  /** Its user and group, as numbers. */
  readonly user: string
  readonly labels: Readonly<Record<string, string>>
}

/** What a pod adds to its image. */
export interface Container {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Folders of this machine by their path in the container. They cannot be written there. */
  readonly mounts: Readonly<Record<string, string>>
  /** In the place of the image's own. */
  readonly entrypoint?: readonly string[]
}

/** How a container is started: arguments for `spawn`. */
export interface Start {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Writes what {@link readUnpacked} reads. */
export function writeUnpacked(folder: string, image: Omit<UnpackedImage, 'root'>): void {
  writeFileSync(join(folder, 'image.json'), JSON.stringify(image, undefined, 2))
}

/**
 * The image that `npm run test:image` has unpacked.
 *
 * @throws Error if it is not there
 */
export function readUnpacked(folder: string): UnpackedImage {
  const path = join(folder, 'image.json')
  if (!existsSync(path)) throw new Error(`There is no image in ${folder}: run npm run test:image`)
  const image = JSON.parse(readFileSync(path, 'utf8')) as Omit<UnpackedImage, 'root'>
  return { ...image, root: resolve(folder, 'root') }
}

/**
 * The command that runs an image as a kubelet would with the chart's security context: its own root, which nobody can write, its user,
 * no capability, none to gain, and nothing of this machine's environment. The network and the processes are those of this machine. The
 * command becomes the program without a process between, so a signal reaches it.
 */
export function contained(image: UnpackedImage, container: Container): Start {
  const mounts = Object.entries(container.mounts).flatMap(([path, folder]) => [
    placeFor(image.root, path),
    folder,
  ])
  for (const path of ['/proc', '/dev']) placeFor(image.root, path)
  const env = [
    ...image.env,
    'HOME=/home/nonroot',
    ...Object.entries(container.env).map((each) => each.join('=')),
  ]
  const args = ['--mount', '--propagation', 'private', '/bin/sh', '-euc', script, 'contained', image.root]
  return {
    program: 'unshare',
    args: [
      ...args,
      ...[String(mounts.length / 2), ...mounts, 'env', '-i', ...env],
      // The real programs stand where they do on Debian: `env -i` leaves no PATH to find them by.
      ...['/usr/bin/setpriv', '--no-new-privs', '--bounding-set=-all,+sys_chroot,+setuid,+setgid'],
      ...['/usr/sbin/chroot', `--userspec=${image.user}`, `--groups=${image.user.split(':')[1] ?? ''}`],
      ...[image.root, ...(container.entrypoint ?? image.entrypoint), ...container.args],
    ],
    env: { PATH: process.env.PATH ?? '' },
  }
}

/** The mounts are of one process only, and go with it. */
const script = `
root=$1 count=$2; shift 2
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,noexec,mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do : >"$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
while [ "$count" -gt 0 ]; do
  mount --bind "$2" "$1"
  mount -o remount,bind,ro "$1"
  shift 2; count=$((count - 1))
done
mount -o remount,ro "$root/dev"
mount -o remount,bind,ro "$root"
exec "$@"
`

/** Makes the folder that something is mounted on, as a runtime does. A link of the image leads to a place within it. @returns its path here */
function placeFor(root: string, path: string, follow = 8): string {
  let place = root
  const parts = path.split('/').filter((part) => part !== '')
  for (const [index, part] of parts.entries()) {
    const next = join(place, part)
    const found = lstatSync(next, { throwIfNoEntry: false })
    if (found?.isSymbolicLink()) {
      if (follow === 0) throw new Error(`${path} has too many links`)
      const target = readlinkSync(next)
      const base = target.startsWith('/') ? '/' : place.slice(root.length)
      return placeFor(root, resolve('/', base, target, ...parts.slice(index + 1)), follow - 1)
    }
    if (found === undefined) mkdirSync(next)
    place = next
  }
  return place
}
