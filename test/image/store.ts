import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildah } from '../../.github/scripts/image.ts'
import { cacheFolder } from '../fixtures/cache-folder.ts'

/** The folder of the images that tests make, and of one that is unpacked. */
export const imageCache = cacheFolder('image')

/** A store of images of its own, apart from that of the machine. It needs no daemon. */
export class Store {
  readonly #env: NodeJS.ProcessEnv

  /** Opens the store in a folder, and removes what an interrupted run has left there. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    const configuration = join(folder, 'storage.conf')
    const at = (name: string) => JSON.stringify(join(folder, name))
    writeFileSync(
      configuration,
      `[storage]\ndriver = "vfs"\ngraphroot = ${at('storage')}\nrunroot = ${at('run')}\n`,
    )
    this.#env = {
      ...process.env,
      CONTAINERS_STORAGE_CONF: configuration,
      STORAGE_DRIVER: 'vfs',
      BUILDAH_ISOLATION: 'chroot',
    }
    this.tidy()
  }

  /** The environment of a program that works on the images of this store. */
  get env(): NodeJS.ProcessEnv {
    return this.#env
  }

  /** Runs buildah. @returns what it prints, without the end of the line */
  run(...args: readonly string[]): string {
    return buildah(args, this.#env).trim()
  }

  /** The value of an image's label; undefined if there is no such image, or none that it has. */
  label(image: string, label: string): string | undefined {
    const has = this.run('images', '--format', '{{.Name}}:{{.Tag}}').split('\n').includes(image)
    if (!has) return undefined
    const format = `{{ index .OCIv1.Config.Labels ${JSON.stringify(label)} }}`
    return this.run('inspect', '--type', 'image', '--format', format, image)
  }

  /** The files of an image for one platform, while `use` runs. */
  mounted<T>(image: string, platform: string, use: (root: string) => T): T {
    const container = this.run('from', '--pull=never', '--platform', platform, image)
    try {
      return use(this.run('mount', container))
    } finally {
      this.run('rm', container)
    }
  }

  /** Removes lists of images by name, and all images that have no name. */
  tidy(...lists: readonly string[]): void {
    this.run('rm', '--all')
    const present = this.run('images', '--format', '{{.Name}}:{{.Tag}}').split('\n')
    for (const name of lists) if (present.includes(name)) this.run('manifest', 'rm', name)
    this.run('rmi', '--prune', '--force')
  }
}
