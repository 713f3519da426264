import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { typescript } from '../fixtures/main.ts'
import { root } from '../fixtures/root.ts'

/** `npm run test:image` on a machine without any program. */
function withoutPrograms(env: Readonly<Record<string, string>> = {}) {
  const args = [typescript, join(root, 'test/image/image.ts')]
  return spawnSync(process.execPath, args, { env: { PATH: '/nowhere', ...env }, encoding: 'utf8' })
}

t.test('the test of the image fails and names the missing tools', (t) => {
  const { status, stdout, stderr } = withoutPrograms()
  t.equal(status, 1)
  t.equal(stdout, '')
  for (const program of ['buildah', 'mmdebstrap'])
    t.match(stderr, `There is no ${program}: apt-get install --no-install-recommends ${program}\n`)
  t.match(stderr, 'There is no npm')
  t.end()
})

t.test('bases that come from their registries need no mmdebstrap', (t) => {
  const { status, stderr } = withoutPrograms({ HOLDFAST_BASES: 'registry' })
  t.equal(status, 1)
  t.match(stderr, 'There is no buildah')
  t.notMatch(stderr, 'mmdebstrap')
  t.end()
})
