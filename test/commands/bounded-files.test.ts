import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { readClientAuthorities } from '../../src/tls/client-authorities.ts'
import { CertificateFiles, readAuthority } from '../../src/tls/folder.ts'
import { readPlan } from '../../src/commands/evict/plan-file.ts'
import { readDocuments } from '../../src/commands/check/read-cluster.ts'
import { UnreadableYaml } from '../../src/text/yaml.ts'
import { readGoYaml } from '../../src/text/go-yaml.ts'
import { run } from './holdfast.ts'

/** Each command line that names a file, with the limit of that file in MiB. */
const readers: readonly (readonly [args: (path: string) => string[], mebibytes: number])[] = [
  [(path) => ['status', '--kubeconfig', path], 8],
  [(path) => ['serve', '--config', path], 1],
  [(path) => ['serve', '--client-ca', path], 1],
  [(path) => ['check', '-f', path, '--snapshot', '/dev/null'], 64],
  [(path) => ['check', '-f', '/dev/null', '--snapshot', path], 64],
  [(path) => ['check', 'nodes/node-1', '--patch', `@${path}`], 8],
  [(path) => ['check', '-f', '/dev/null', '--config', path], 1],
  [(path) => ['evict', '--plan', path], 1],
  [(path) => ['status', '-o', `jsonpath-file=${path}`], 1],
  [(path) => ['plan', 'node-1', '-o', `custom-columns-file=${path}`], 1],
]

t.test(
  'every command refuses a file beyond its limit, a device without an end too, and names it',
  async (t) => {
    for (const [args, mebibytes] of readers) {
      const { code, stderr } = await run(args('/dev/zero'))
      t.equal(code, 2, args('/dev/zero').join(' '))
      t.match(stderr, '/dev/zero')
      t.match(stderr, `it is larger than ${mebibytes} MiB, the limit for it`)
    }
  },
)

t.test('a kubeconfig names a file beyond the limit of credentials', async (t) => {
  const endless = [
    ['certificate-authority: /dev/zero', 'token: x'],
    ['insecure-skip-tls-verify: true', 'tokenFile: /dev/zero'],
  ]
  for (const [cluster, user] of endless) {
    const path = join(t.testdir({}), 'kubeconfig')
    await writeFile(
      path,
      `clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", ${cluster}}}]
users: [{name: u, user: {${user}}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`,
    )
    const { code, stderr } = await run(['status', '--kubeconfig', path])
    t.equal(code, 2)
    t.match(stderr, '/dev/zero')
    t.match(stderr, 'it is larger than 1 MiB, the limit for it')
  }
})

t.test('certificates of a door and the authority of a folder have the same limit', async (t) => {
  const { signal } = new AbortController()
  const tooLarge = { message: /it is larger than 1 MiB/ }
  await t.rejects(new CertificateFiles('/dev/zero', '/dev/null').read(signal), tooLarge)
  await t.rejects(readAuthority('/dev/zero', '/dev/zero'), tooLarge)
  await t.rejects(readClientAuthorities('/dev/zero', signal), tooLarge)
})

t.test('standard input has the limits of the file that it stands for', async (t) => {
  await t.rejects(readPlan('-', endless), {
    message: 'cannot read standard input: it is larger than 1 MiB, the limit for it',
  })
  await t.rejects(readDocuments(['-'], endless), {
    message: 'cannot read standard input: it is larger than 64 MiB, the limit for it',
  })
})

function endless(): Readable {
  const chunk = Buffer.alloc(2 ** 20, 'x')
  return Readable.from(
    (function* () {
      for (;;) yield chunk
    })(),
  )
}

t.test('a document with more values than memory bears is refused, and JSON advised', (t) => {
  const dense = `[${'0,'.repeat(3_000_000)}0]`
  t.throws(
    () => readGoYaml(dense),
    new UnreadableYaml(1, 'it has too many values for YAML, more than some 15 MiB have; write it as JSON'),
  )
  t.end()
})

t.test('the audit reads no device', async (t) => {
  const { code, stderr } = await run(['audit', '/dev/zero'])
  t.equal(code, 2)
  t.equal(
    stderr,
    'holdfast: cannot read the audit file /dev/zero: it is a device, and a file or a pipe is needed\n',
  )
})

t.test('a manifest may come from a pipe', async (t) => {
  const path = pipeIn(t)
  const checked = run(['check', '-f', path, '--snapshot', '/dev/null'])
  await writeFile(path, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n')
  t.match(
    await checked,
    { code: 2, stderr: /There is no Longhorn node/ },
    'the pipe was read, and the next is wrong',
  )
})

t.test('a template may come from a pipe', async (t) => {
  const path = pipeIn(t)
  const printed = run(['version', '--client', '-o', `jsonpath-file=${path}`])
  await writeFile(path, '{.client')
  t.match(await printed, { code: 2, stderr: /unclosed action/ }, 'the pipe was read, and its text is wrong')
})

function pipeIn(t: Test): string {
  const path = join(t.testdir({}), 'pipe')
  execFileSync('mkfifo', [path])
  return path
}
