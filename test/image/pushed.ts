import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { platform as ownPlatform } from './machine.ts'
import type { Store } from './store.ts'

/** One platform's image as a registry has it. */
export interface PushedImage {
  readonly platform: string
  readonly digest: string
  /** The sum of its compressed layers, in bytes. */
  readonly size: number
  readonly config: ImageConfig
}

/** https://github.com/opencontainers/image-spec/blob/main/config.md */
interface ImageConfig {
  readonly architecture: string
  readonly created: string
  readonly config: {
    readonly User: string
    readonly Env: readonly string[]
    readonly Entrypoint: readonly string[]
    readonly Cmd?: readonly string[]
    readonly Labels: Readonly<Record<string, string>>
  }
}

interface Descriptor {
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
}

/** Pushes a list of images into a folder, as a release pushes it to a registry. @returns the image of each platform */
export function pushed(store: Store, name: string, folder: string): readonly PushedImage[] {
  store.run('manifest', 'push', '--quiet', '--all', '--format', 'oci', name, `oci:${folder}:pushed`)
  const blob = (digest: string): unknown =>
    JSON.parse(readFileSync(join(folder, 'blobs', digest.replace(':', '/')), 'utf8'))
  const { manifests: entries } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    manifests: readonly Descriptor[]
  }
  const { manifests } = blob(entries.at(-1)?.digest ?? '') as { manifests: readonly Descriptor[] }
  return manifests
    .map(({ digest, platform }) => {
      const { config, layers } = blob(digest) as { config: Descriptor; layers: readonly Descriptor[] }
      return {
        platform: `${platform?.os ?? ''}/${platform?.architecture ?? ''}`,
        digest,
        size: layers.reduce((sum, { size }) => sum + size, 0),
        config: blob(config.digest) as ImageConfig,
      }
    })
    .toSorted((a, b) => (a.platform < b.platform ? -1 : 1))
}

/** The image for this machine. */
export function ownImage(images: readonly PushedImage[]): PushedImage {
  const own = images.find(({ platform }) => platform === ownPlatform)
  if (own === undefined) throw new Error(`There is no image for ${ownPlatform}`)
  return own
}
