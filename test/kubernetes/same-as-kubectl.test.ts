import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { run, runProgram } from '../commands/holdfast.ts'
import { certificateFor, type Certificate } from '../fixtures/certificates.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { thorough } from '../fixtures/thorough.ts'
import { cases, plainly, token, type Place } from './kubeconfig-cases.ts'
import { oddCases } from './odd-cases.ts'
import { proxyCases } from './proxy-cases.ts'
import { httpProxy, socksProxy, witness } from './witness.ts'

/** New servers and proxies for each kubeconfig: late requests of an ended command must not count. */
async function placeFor(t: Test, { cert, key }: Certificate) {
  const tls = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false }
  const [plain, secured, proxy, secureProxy, socks] = await Promise.all([
    witness(t),
    witness(t, tls),
    httpProxy(t),
    httpProxy(t, tls),
    socksProxy(t),
  ])
  const folder = t.testdir({
    token: 'from-file\n',
    'ca.crt': cert,
    'ca.key': key,
    'plugin.sh': '#!/bin/sh\nprintf "%s" "$KUBERNETES_EXEC_INFO" > "$2/info"\nprintf %s "$1"\n',
  })
  await chmod(path.join(folder, 'plugin.sh'), 0o755)
  const base64 = (pem: string) => Buffer.from(pem).toString('base64')
  const place: Place = {
    plain: plain.port,
    secure: secured.port,
    proxy: proxy.port,
    secureProxy: secureProxy.port,
    socks: socks.port,
    cert: base64(cert),
    key: base64(key),
    folder,
  }
  const info = path.join(folder, 'info')
  /** Lets a program ask, and returns its requests and their ways. */
  const watched = async (ask: () => Promise<unknown>) => {
    for (const log of [plain.seen, secured.seen, proxy.asked, secureProxy.asked, socks.asked]) log.length = 0
    await rm(info, { force: true })
    await ask()
    const asked = [...proxy.asked, ...secureProxy.asked, ...socks.asked].map((each) =>
      each.replace(/(:\d+)\/\S*/, '$1'),
    )
    const [request] = [...plain.seen, ...secured.seen]
    return {
      way: [...new Set(asked)],
      as: request,
      execInfo: existsSync(info) ? (JSON.parse(await readFile(info, 'utf8')) as unknown) : undefined,
    }
  }
  return { place, watched }
}

t.test('status asks as kubectl does, on the same route', { skip }, async (t) => {
  const certificate = await certificateFor('api.example')
  for (const [
    at,
    [name, { cluster = plainly, user = token, env = () => ({}), flags = [], fails = false, ...odd }],
  ] of Object.entries({ ...cases, ...proxyCases, ...oddCases }).entries()) {
    await t.test(name, async (t) => {
      const { place, watched } = await placeFor(t, certificate)
      const entry = {
        name: 'x',
        cluster: cluster(place),
        user: user(place),
        context: { cluster: 'x', user: 'x' },
      }
      const config = { 'current-context': 'x', contexts: [entry], clusters: [entry], users: [entry] }
      const file = path.join(place.folder, 'config')
      const { text = String, files = {} } = odd
      await writeFile(file, text(JSON.stringify(config)))
      for (const [beside, content] of Object.entries(files))
        await writeFile(path.join(place.folder, beside), content)
      const { PATH = '' } = process.env
      const variables = { PATH, HOME: place.folder, KUBECONFIG: file, ...env(place) }
      // A process of kubectl for each of them is for the thorough tests.
      const isCompared = thorough || at % 2 === 0
      const theirs =
        isCompared &&
        (await watched(() => runProgram('kubectl', ['get', '--raw', '/version', ...flags], variables)))
      const ours = await watched(() => run(['status', ...flags], variables))
      if (theirs) t.strictSame(ours, theirs)
      t.equal(ours.as === undefined, fails, 'the server gets a request unless the configuration is wrong')
    })
  }
})

/** Files of one KUBECONFIG, by their special part. */
const merged: Readonly<Record<string, Readonly<Record<string, string | ((place: Place) => object)>>>> = {
  'the first current context and the first of each name win': {
    one: (place) => ({ ...whole(place, 'one'), 'current-context': '' }),
    'sub/two': (place) => ({ ...whole(place, 'two'), 'current-context': 'two' }),
    'sub/three': (place) => ({ ...whole(place, 'two', 'of-three'), 'current-context': 'one' }),
  },
  'what one file lacks another one has': {
    one: (place) => ({ ...whole(place, 'one'), users: [] }),
    two: (place) => ({ users: whole(place, 'one').users }),
  },
  'each path is beside the file that names it': {
    one: (place) => ({ ...whole(place, 'one'), users: [] }),
    'sub/two': () => ({ users: [{ name: 'one', user: { tokenFile: 'token' } }] }),
    'sub/token': 'beside-two',
  },
  'an empty file says nothing': { one: '', two: (place) => whole(place, 'two') },
  'one that is missing is passed over': { two: (place) => whole(place, 'two') },
  'a broken one is an error': { one: 'a: [', two: (place) => whole(place, 'two') },
}

/** A whole kubeconfig whose entries have one name. */
function whole({ secure, cert }: Place, name: string, token = `of-${name}`) {
  const cluster = { server: `https://127.0.0.1:${secure}`, 'certificate-authority-data': cert }
  return {
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
  }
}

t.test('several files in KUBECONFIG are one to status as they are to kubectl', { skip }, async (t) => {
  const certificate = await certificateFor()
  for (const [name, files] of Object.entries(merged)) {
    await t.test(name, async (t) => {
      const { place, watched } = await placeFor(t, certificate)
      await mkdir(path.join(place.folder, 'sub'))
      for (const [file, content] of Object.entries(files)) {
        const text = typeof content === 'string' ? content : JSON.stringify(content(place))
        await writeFile(path.join(place.folder, file), text)
      }
      const listed = ['one', 'two', 'sub/two', 'sub/three'].map((file) => path.join(place.folder, file))
      const { PATH = '' } = process.env
      const variables = { PATH, HOME: place.folder, KUBECONFIG: listed.join(path.delimiter) }
      const theirs = await watched(() => runProgram('kubectl', ['get', '--raw', '/version'], variables))
      const ours = await watched(() => run(['status'], variables))
      t.strictSame(ours, theirs)
      t.equal(ours.as === undefined, name.startsWith('a broken one'))
    })
  }
})
