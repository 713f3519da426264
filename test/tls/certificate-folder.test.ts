import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fillCertificateFolder } from '../../src/tls/folder.ts'

const clock = { now: Date.now }
const names = { dns: ['localhost'], ips: ['127.0.0.1'] }
const fresh = (t: Test) => join(t.testdir(), 'certs')
const fill = (folder: string, overwrite = false) => fillCertificateFolder(folder, names, clock, { overwrite })
const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
const read = (folder: string, name: string) => readFile(join(folder, name), 'utf8')

t.test('an empty folder gets an authority and a certificate it signed', async (t) => {
  const folder = fresh(t)
  const done = await fill(folder)
  t.equal(done.authority, 'made')
  t.same((await readdir(folder)).sort(), ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
  t.same(
    [...done.written].sort(),
    ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'].map((name) => join(folder, name)),
  )
  const leaf = new X509Certificate(await read(folder, 'tls.crt'))
  t.equal(leaf.verify(new X509Certificate(await read(folder, 'ca.crt')).publicKey), true)
  t.equal(leaf.checkPrivateKey(createPrivateKey(await read(folder, 'tls.key'))), true)
  t.equal(done.cert, await read(folder, 'tls.crt'))
  t.equal(done.authorityCert, await read(folder, 'ca.crt'))
})

t.test('keys and a new folder are for the owner alone', async (t) => {
  const folder = fresh(t)
  await fill(folder)
  t.equal(await mode(folder), '700')
  for (const key of ['ca.key', 'tls.key']) t.equal(await mode(join(folder, key)), '600', key)
  for (const cert of ['ca.crt', 'tls.crt']) t.equal(await mode(join(folder, cert)), '644', cert)
})

t.test('a replaced key is for the owner alone, however wide the old one was', async (t) => {
  const folder = fresh(t)
  await fill(folder)
  await chmod(join(folder, 'tls.key'), 0o666)
  await fill(folder, true)
  t.equal(await mode(join(folder, 'tls.key')), '600')
})

t.test('a certificate in use is not overwritten unasked', async (t) => {
  const folder = fresh(t)
  await fill(folder)
  const before = await read(folder, 'tls.crt')
  await t.rejects(fill(folder), {
    name: 'FilesInTheWay',
    message: /tls\.crt and .*tls\.key exist already/,
  })
  t.equal(await read(folder, 'tls.crt'), before)
})

t.test(
  'a new certificate comes from the authority in the folder, so that every caBundle still fits',
  async (t) => {
    const folder = fresh(t)
    await fill(folder)
    const [authority, before] = [await read(folder, 'ca.crt'), await read(folder, 'tls.crt')]
    const done = await fill(folder, true)
    t.equal(done.authority, 'reused')
    t.equal(await read(folder, 'ca.crt'), authority)
    t.not(await read(folder, 'tls.crt'), before)
    t.equal(new X509Certificate(done.cert).verify(new X509Certificate(authority).publicKey), true)
    t.same(
      (await readdir(folder)).sort(),
      ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'],
      'nothing is left behind',
    )
  },
)

t.test('half an authority is an error that names both files, and nothing is written', async (t) => {
  const folder = fresh(t)
  await fill(folder)
  for (const name of ['ca.key', 'tls.crt', 'tls.key']) await rm(join(folder, name))
  await t.rejects(fill(folder), {
    name: 'UnusableAuthority',
    message: /ca\.crt exists, but .*ca\.key does not/,
  })
  t.same(await readdir(folder), ['ca.crt'])
})

t.test('a name that is of no use leaves the folder empty', async (t) => {
  const folder = fresh(t)
  await mkdir(folder)
  const filled = fillCertificateFolder(folder, { dns: ['a b'], ips: [] }, clock, { overwrite: false })
  await t.rejects(filled, { name: 'BadServerName' })
  t.same(await readdir(folder), [])
})

t.test('other files of the folder stay', async (t) => {
  const folder = fresh(t)
  await mkdir(folder)
  await writeFile(join(folder, 'README.md'), 'certificates')
  await fill(folder)
  t.equal(await read(folder, 'README.md'), 'certificates')
})
