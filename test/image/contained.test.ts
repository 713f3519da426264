import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { contained, readUnpacked, type UnpackedImage, writeUnpacked } from './contained.ts'

/** An image whose /var/run is a link, as in Debian. */
function image(t: Test): UnpackedImage {
  const root = t.testdir({
    run: {},
    var: { run: t.fixture('symlink', '/run'), up: t.fixture('symlink', '../../..') },
  })
  return { root, entrypoint: ['/node', '/main.js'], env: ['PATH=/bin'], user: '65532:65532', labels: {} }
}

t.test('a container runs the program of the image as its user, with the arguments of the pod', (t) => {
  const { program, args } = contained(image(t), { args: ['serve'], env: { A: 'b' }, mounts: {} })
  t.equal(program, 'unshare')
  t.strictSame(args.slice(-3), ['/node', '/main.js', 'serve'])
  t.ok(args.includes('--userspec=65532:65532'))
  t.ok(args.includes('A=b'))
  t.ok(args.includes('PATH=/bin'))
  t.end()
})

t.test('a folder is mounted within the root of the image, wherever its links lead', (t) => {
  const { root, ...rest } = image(t)
  const mounts = { '/var/run/secrets/account': '/x', '/etc/holdfast/config': '/y', '/var/up/etc': '/z' }
  const { args } = contained({ root, ...rest }, { args: [], env: {}, mounts })
  for (const place of ['run/secrets/account', 'etc/holdfast/config', 'etc']) {
    t.ok(existsSync(join(root, place)), place)
    t.ok(args.includes(join(root, place)), place)
  }
  t.end()
})

t.test(
  'the facts of an image are read back, and without them the error names the command that makes it',
  (t) => {
    const folder = t.testdir({})
    t.throws(() => readUnpacked(folder), /There is no image in .*: run npm run test:image/)
    writeUnpacked(folder, image(t))
    t.strictSame(readUnpacked(folder), { ...image(t), root: join(folder, 'root') })
    t.end()
  },
)
