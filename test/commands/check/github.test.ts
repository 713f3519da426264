import { join } from 'node:path'
import t from 'tap'
import { denied, heldBack, nodeManifest, repository } from './in-a-repository.ts'

const slips = nodeManifest('node-2', '  evictionReqested: true\n')

/** What the runner of GitHub Actions makes of a line. */
function decoded(line: string): { command: string; properties: Record<string, string>; message: string } {
  const [, command = '', given = '', message = ''] = /^::(\w+) (.*?)::(.*)$/s.exec(line) ?? []
  const plain = (text: string): string =>
    text
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
      .replaceAll('%3A', ':')
      .replaceAll('%2C', ',')
      .replaceAll('%25', '%')
  const properties = given.split(',').map((property) => property.split('=', 2))
  return {
    command,
    properties: Object.fromEntries(properties.map(([key = '', value = '']) => [key, plain(value)])),
    message: plain(message),
  }
}

t.test('a problem is an annotation at its line, with the whole message', async (t) => {
  const { write, check } = repository(t)
  const file = await write('deploy/nodes.yaml', `${heldBack}---\n${denied}`)
  const { code, stdout } = await check([file, '-o', 'github'])
  const [first = '', ...others] = stdout.trimEnd().split('\n')
  t.equal(code, 1)
  t.match(decoded(first), {
    command: 'error',
    properties: {
      file: 'deploy/nodes.yaml',
      line: '9',
      title: 'eviction-during-cleanup: UPDATE of Node node-1',
    },
    message:
      /^evicting b of node-1 has to wait: .*\nWhy: .*\nNext: .*\nLook: .*\n.*rule eviction-during-cleanup/,
  })
  t.match(others.map(decoded), [
    { command: 'error', properties: { line: '15', title: /^last-usable-copy: / } },
    { command: 'error', properties: { line: '15', title: /^below-min-copies: / } },
  ])
})

t.test('no name can end the command, or begin another one', async (t) => {
  const { write, check } = repository(t)
  const hostile = '100%\n::error::a,b:c\r'
  const file = await write('a,b:c %.yaml', nodeManifest(JSON.stringify(hostile), '  tags: [a]\n  odd: 1\n'))
  const { stdout } = await check([file, '-o', 'github'])
  const lines = stdout.trimEnd().split('\n')
  t.equal(lines.length, 1)
  t.match(decoded(lines[0] ?? ''), {
    command: 'error',
    properties: { file: 'a,b:c %.yaml', title: /^unknown-field: CREATE of Node 100% ::error::a,b:c/ },
  })
  t.match(lines[0], /^::error file=a%2Cb%3Ac %25\.yaml,line=7,title=[^,:]*::[^\r]*$/)
})

t.test('no name in a line of plain text is a command of the runner', async (t) => {
  const { check } = repository(t)
  const hostile = 'x ##[error]a ###[add-mask]b'
  const other = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${JSON.stringify(hostile)}}\n`
  const { stdout } = await check(
    ['-', '-o', 'github'],
    `${nodeManifest('node-2', '  tags: [ssd]\n')}---\n${other}`,
  )
  // The runner looks for these anywhere in a line.
  t.notMatch(stdout, '##[')
  t.match(stdout, 'not judged  ConfigMap x ## [error]a ### [add-mask]b  (')
})

t.test('a document without a problem is a line of plain text', async (t) => {
  const { check } = repository(t)
  const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n'
  const { code, stdout } = await check(
    ['-', '-o', 'github'],
    `${nodeManifest('node-2', '  tags: [ssd]\n')}---\n${other}`,
  )
  t.equal(code, 0)
  t.equal(
    stdout,
    'admitted  UPDATE of Node node-2  (standard input:1)\nnot judged  ConfigMap x  (standard input:8)\n',
  )
})

t.test('warnings are annotations of their own kind, and leave the exit code as it is', async (t) => {
  const { check } = repository(t)
  const { code, stdout } = await check(['-', '-o', 'github', '--no-strict'], slips)
  t.equal(code, 0)
  t.match(stdout, /^::warning title=unknown-field%3A UPDATE of Node node-2::unknown field "spec\.evictionReq/)
})

t.test('a run without a verdict is an error, and never an empty log', async (t) => {
  const { root, check } = repository(t)
  const gone = await check([join(root, 'gone.yaml'), '-o', 'github'])
  t.match(gone, { code: 2, stdout: /^::error title=holdfast check::cannot read .*gone\.yaml/ })
  const nothing = await check(['-', '-o', 'github'], 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n')
  t.match(nothing, { code: 2, stdout: /\n::error title=holdfast check::Nothing here is an object/ })
})
