import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority } from '../../src/tls/authority.ts'
import {
  parseClientAuthorities,
  readClientAuthorities,
  sameAuthorities,
} from '../../src/tls/client-authorities.ts'
import { issueClient } from '../../src/tls/issue.ts'
import { Reload } from '../../src/tls/reload.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { makeIntermediate, makeRoot } from '../fixtures/odd-certificates.ts'

const now = { now: Date.now }
const signal = new AbortController().signal
const authority = await makeAuthority(now)
const root = await makeRoot()
const intermediate = await makeIntermediate(root)

t.test('a file with several authorities, and with text between them, is read whole', (t) => {
  const text = `# ours\n${authority.cert}\n# theirs\n${intermediate.cert}${root.cert}`
  const { certificates, pem } = parseClientAuthorities(text, 'ca.crt')
  t.equal(certificates.length, 3)
  t.notMatch(pem, /ours/)
  t.end()
})

t.test('a file of which a part cannot be used is refused as a whole, and the part is named', async (t) => {
  const leaf = await issueClient(authority, 'kube-apiserver', now)
  const broken = authority.cert.replace(/MII.*\n/, 'MIInonsense\n')
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['empty', '', /ca\.crt \(--client-ca\) cannot be used: it has no certificate/],
    ['a key', authority.key, /it has no certificate/],
    ['nonsense', broken, /its certificate cannot be read/],
    ['one that is well and one that is not', authority.cert + broken, /certificate 2 of 2 cannot be read/],
    ['a client’s own', leaf.cert, /its certificate is not of an authority/],
    [
      'one whose authority is missing',
      intermediate.cert,
      /CN=intermediate is signed by CN=root, which is not in it/,
    ],
  ]
  for (const [what, text, why] of cases)
    t.throws(
      () => parseClientAuthorities(text, 'ca.crt'),
      { name: 'UnusableClientAuthorities', message: why },
      what,
    )
})

t.test('a file that is not there is named, with the reason', async (t) => {
  const path = join(t.testdir(), 'ca.crt')
  await t.rejects(readClientAuthorities(path, signal), {
    name: 'UnusableClientAuthorities',
    message: /ENOENT/,
  })
  await writeFile(path, authority.cert)
  t.equal((await readClientAuthorities(path, signal)).certificates.length, 1)
  await t.rejects(readClientAuthorities(path, AbortSignal.abort(new Error('it ends'))), {
    message: 'it ends',
  })
})

t.test('a file that changes is followed; one that cannot be used leaves those of before', async (t) => {
  const path = join(t.testdir(), 'ca.crt')
  await writeFile(path, authority.cert)
  const clock = new FakeClock()
  const served: number[] = []
  const problems: unknown[] = []
  const reload = new Reload(await readClientAuthorities(path, signal), {
    source: { read: (signal) => readClientAuthorities(path, signal), stop: () => Promise.resolve() },
    isSame: sameAuthorities,
    serve: ({ certificates }) => served.push(certificates.length),
    timers: clock,
    onReloaded: () => undefined,
    onProblem: (error) => problems.push(error),
  })
  t.teardown(() => reload.stop())
  /** Lets it look once more, and waits until it looks later again. */
  const look = async (): Promise<void> => {
    await eventually(() => clock.pending === 1)
    clock.advance(10_000)
    await eventually(() => clock.pending === 1)
  }
  await look()
  t.strictSame(served, [], 'the same file')
  for (const broken of ['', '', authority.key]) {
    await writeFile(path, broken)
    await look()
  }
  t.strictSame(served, [])
  t.match(problems, [{ name: 'UnusableClientAuthorities' }], 'said once')
  await writeFile(path, authority.cert + root.cert)
  await look()
  t.strictSame(served, [2])
})
