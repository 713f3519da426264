import t from 'tap'
import { buildArguments } from '../../.github/scripts/image.ts'
import { nodeAndDebian } from '../image/stand-ins.ts'

const build = {
  context: '/project',
  name: 'localhost/a:1',
  platforms: ['linux/amd64', 'linux/arm64'],
  builder: 'linux/arm64',
  revision: 'abc',
  made: 60,
  pull: true,
}

t.test('the image is built for all platforms at once, with the commit and its time', (t) => {
  const line = buildArguments(build).join(' ')
  t.match(line, /^build --format oci --no-cache --pull=always --timestamp 60 /)
  t.match(line, ' --platform linux/amd64,linux/arm64 --manifest localhost/a:1 ')
  t.match(line, ' --build-arg BUILDPLATFORM=linux/arm64 ')
  t.match(line, ' --label org.opencontainers.image.created=1970-01-01T00:01:00.000Z ')
  t.match(line, / --label org\.opencontainers\.image\.revision=abc \/project$/)
  t.end()
})

t.test('images that are made here replace the bases, and then none is pulled', (t) => {
  const line = buildArguments({ ...build, pull: false, bases: { NODE: 'docker.io/library/node:1' } }).join(
    ' ',
  )
  t.match(line, ' --pull=never ')
  t.match(line, ' --build-arg NODE=docker.io/library/node:1 ')
  t.end()
})

t.test('the tag of the base names the Node and the Debian of what stands in for it', (t) => {
  const tag = 'docker.io/library/node:24.1.0-trixie-slim'
  t.strictSame(nodeAndDebian(tag), { node: '24.1.0', debian: 'trixie' })
  t.throws(() => nodeAndDebian('docker.io/library/node:24'), /cannot make what stands in for .*node:24/)
  t.end()
})
