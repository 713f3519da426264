import t from 'tap'
import { billOfMaterials, type LockFile, packagesInBundle } from '../../.github/scripts/sbom.ts'
import { read } from '../docs/pages.ts'

const lock: LockFile = {
  packages: {
    '': { version: '1.0.0' },
    'node_modules/a': {
      version: '2.0.0',
      license: 'MIT',
      integrity: `sha512-${Buffer.from('ab').toString('base64')}`,
    },
    'node_modules/a/node_modules/@s/b': { version: '3.0.0', license: 'ISC' },
  },
}
const own = { name: 'holdfast', version: '1.0.0' }

t.test('the packages in a bundle are those that its file of licences names', (t) => {
  const line = '-'.repeat(80)
  const licences = `Under Apache-2.0.\n\n${line}\n@s/b 3.0.0 (ISC)\n${line}\n\nText\n\n${line}\na 2.0.0 (MIT)\n${line}\n`
  t.strictSame(packagesInBundle(licences), [
    { name: '@s/b', version: '3.0.0' },
    { name: 'a', version: '2.0.0' },
  ])
  t.throws(() => packagesInBundle('nothing'), /names no package/)
  t.end()
})

t.test('the bill of materials names each package once, with its licence and hash', (t) => {
  const a = { name: 'a', version: '2.0.0' }
  const shipped = [a, { name: '@s/b', version: '3.0.0' }, a]
  const bill = JSON.parse(billOfMaterials(own, shipped, lock, 0)) as object
  t.match(bill, {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    metadata: { timestamp: '1970-01-01T00:00:00.000Z', component: { purl: 'pkg:npm/holdfast@1.0.0' } },
    components: [
      { purl: 'pkg:npm/%40s/b@3.0.0', licenses: [{ expression: 'ISC' }] },
      { purl: 'pkg:npm/a@2.0.0', hashes: [{ alg: 'SHA-512', content: '6162' }] },
    ],
  })
  t.end()
})

t.test('the same packages give the same bytes', (t) => {
  const shipped = [
    { name: 'a', version: '2.0.0' },
    { name: '@s/b', version: '3.0.0' },
  ]
  t.equal(billOfMaterials(own, shipped, lock, 1), billOfMaterials(own, shipped.toReversed(), lock, 1))
  t.not(billOfMaterials(own, shipped, lock, 1), billOfMaterials(own, shipped, lock, 2))
  t.end()
})

t.test('a package that the lock file lacks is an error', (t) => {
  const foreign = [{ name: 'a', version: '2.0.1' }]
  t.throws(() => billOfMaterials(own, foreign, lock, 0), /a 2\.0\.1 is shipped and not in package-lock\.json/)
  t.end()
})

t.test('every package of the real lock file has a hash', (t) => {
  const real = JSON.parse(read('package-lock.json')) as LockFile
  const all = Object.entries(real.packages).flatMap(([path, { version = '' }]) =>
    path === '' ? [] : [{ name: path.slice(path.lastIndexOf('node_modules/') + 13), version }],
  )
  const { components } = JSON.parse(billOfMaterials(own, all, real, 0)) as {
    components: { name: string; hashes?: object[] }[]
  }
  t.ok(components.length > 100)
  t.strictSame(
    components.filter(({ hashes }) => !hashes).map(({ name }) => name),
    [],
  )
  t.end()
})
