// Run by `npm run test:image`: builds the image with buildah as a release does, looks at it, and runs it as a pod would.
// HOLDFAST_BASES=registry takes the bases from their registries; otherwise images that are made here stand in for them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { basesOf, platforms } from '../../.github/scripts/bases.ts'
import { buildImage } from '../../.github/scripts/image.ts'
import { hangMs } from '../fixtures/limits.ts'
import { root } from '../fixtures/root.ts'
import { read } from '../docs/pages.ts'
import { checks } from './checks.ts'
import { lacking, platform } from './machine.ts'
import { pushed } from './pushed.ts'
import { makeStandIns } from './stand-ins.ts'
import { imageCache, Store } from './store.ts'
import { unpack } from './unpack.ts'

// npm may be slow, and the machine too.
t.setTimeout(hangMs * 3)
const fromRegistry = process.env.HOLDFAST_BASES === 'registry'
const missing = lacking(fromRegistry)
for (const sentence of missing) console.error(sentence)
if (missing.length > 0) process.exit(1)

const bases = basesOf(read('Dockerfile'))
const folder = mkdtempSync(join(tmpdir(), 'holdfast-image-'))
const store = new Store(join(fromRegistry ? folder : imageCache, 'store'))
const names = ['localhost/holdfast:first', 'localhost/holdfast:second'] as const
const timed = <T>(what: string, act: () => T): T => {
  const began = performance.now()
  const result = act()
  console.log(`# ${what}: ${((performance.now() - began) / 1_000).toFixed(0)} s`)
  return result
}

try {
  store.tidy(...names)
  if (fromRegistry) console.log('# The bases come from their registries.')
  else timed('images that stand in for the bases', () => makeStandIns(store, bases))
  const build = (name: string, each: readonly string[]): void =>
    buildImage(
      {
        context: root,
        name,
        platforms: each,
        builder: platform,
        revision: '0'.repeat(40),
        made: 1_700_000_000,
        pull: fromRegistry,
        // A stand-in has the name and not the digest of its base.
        ...(!fromRegistry && { bases: Object.fromEntries(bases.map(({ name, tag }) => [name, tag])) }),
      },
      store.env,
    )
  timed(`build for ${platforms.join(' and ')}`, () => build(names[0], platforms))
  timed(`build for ${platform} once more`, () => build(names[1], [platform]))
  const [first, second] = timed('push to a folder', () =>
    names.map((name, index) => pushed(store, name, join(folder, String(index)))),
  )
  if (first === undefined || second === undefined) throw new Error('nothing was pushed')
  const unpacked = join(imageCache, 'unpacked')
  const others = timed('unpack', () => unpack(store, names[0], first, unpacked))
  checks({ first, second, unpacked, ...others })
} finally {
  try {
    store.tidy(...names)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
