import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { writeUnpacked } from './contained.ts'
import { type ElfFacts, elfFacts } from './elf.ts'
import { platform } from './machine.ts'
import { ownImage, type PushedImage } from './pushed.ts'
import type { Store } from './store.ts'

/** What the images of the platforms have in them. */
export interface Unpacked {
  /** The hash of each file of the program, by platform and path. */
  readonly programs: ReadonlyMap<string, Readonly<Record<string, string>>>
  /** Node of each platform, and which of its libraries the image does not have. */
  readonly nodes: ReadonlyMap<string, ElfFacts & { readonly missing: readonly string[] }>
}

/** Looks into the images of all platforms, and leaves the files of this machine's in a folder. */
export function unpack(store: Store, name: string, images: readonly PushedImage[], folder: string): Unpacked {
  const programs = new Map<string, Readonly<Record<string, string>>>()
  const nodes = new Map<string, ElfFacts & { readonly missing: readonly string[] }>()
  for (const { platform: each } of images) {
    store.mounted(name, each, (root) => {
      programs.set(each, hashes(join(root, 'holdfast')))
      const node = elfFacts(join(root, 'usr/local/bin/node'))
      const files = new Set(
        readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => basename(path)),
      )
      nodes.set(each, { ...node, missing: node.libraries.filter((name) => !files.has(name)) })
      if (each === platform) {
        rmSync(folder, { recursive: true, force: true })
        mkdirSync(folder, { recursive: true })
        execFileSync('cp', ['--archive', root, join(folder, 'root')])
      }
    })
  }
  const { config } = ownImage(images).config
  writeUnpacked(folder, {
    entrypoint: [...config.Entrypoint, ...(config.Cmd ?? [])],
    env: config.Env,
    user: config.User,
    labels: config.Labels,
  })
  return { programs, nodes }
}

function hashes(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [relative(folder, path), createHash('sha256').update(readFileSync(path)).digest('hex')]
    }),
  )
}
