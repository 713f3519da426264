import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { commandLineServer } from '../commands/command-line-server.ts'
import { heldBack, nodeManifest, repository } from '../commands/check/in-a-repository.ts'
import { root } from '../fixtures/root.ts'
import { type ActionRun, readAction, runAction } from './composite-action.ts'

const action = await readAction(join(root, '.github/actions/check/action.yml'))
const fine = nodeManifest('node-2', '  tags: [ssd]\n')

/**
 * A repository with manifests, which is the working folder until the end, and a checkout of the action. The program built
 * there runs the command line in this process.
 */
async function workspace(t: Test) {
  const { root: folder, write } = repository(t)
  await write('deploy/held.yaml', heldBack)
  await write('deploy/more/fine one.yaml', fine)
  const checkout = join(folder, '_actions/holdfast')
  const client = join(root, 'test/commands/client.mjs')
  const start = `process.env.COMMAND_LINE_PORT = '${await commandLineServer(t)}'\nawait import('${client}')\n`
  await write('_actions/holdfast/dist/main.js', start)
  await write('_actions/holdfast/package.json', '{"type":"module"}')
  await mkdir(join(checkout, '.github/actions/check'), { recursive: true })
  const before = process.cwd()
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
  const path = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`
  const use = (inputs: Readonly<Record<string, string>>, search = path): Promise<ActionRun> => {
    const defaults = Object.entries(action.inputs).map(([name, { default: value = '' }]) => [name, value])
    for (const name of Object.keys(inputs)) t.hasProp(action.inputs, name)
    return runAction(action, {
      action: join(checkout, '.github/actions/check'),
      workspace: folder,
      inputs: {
        ...(Object.fromEntries(defaults) as Record<string, string>),
        snapshot: 'cluster.txt',
        ...inputs,
      },
      path: search,
    })
  }
  return { folder, checkout, write, use, path }
}

/** The lines of a log in which GitHub's runner looks for commands. */
function requestsIn(log: string): readonly string[] {
  let word: string | undefined
  return log
    .trimEnd()
    .split('\n')
    .filter((line) => {
      if (word !== undefined) {
        if (line === `::${word}::`) word = undefined
        return false
      }
      word = /^\s*::stop-commands::(.+)$/.exec(line)?.[1]
      return word === undefined
    })
}

t.test('the action annotates a change that would have to wait, and fails', async (t) => {
  const { use } = await workspace(t)
  const { code, log, outputs, used } = await use({ files: 'deploy/**/*.yaml\n' })
  t.equal(code, 1, log)
  t.match(log, /^::error file=deploy\/held\.yaml,line=9,title=eviction-during-cleanup%3A/m)
  t.match(log, /^admitted {2}UPDATE of Node node-2 {2}\(deploy\/more\/fine one\.yaml:1\)$/m)
  t.strictSame([outputs['exit-code'], used], ['1', []])
})

t.test('files are named one a line, and a name with spaces is one name', async (t) => {
  const { use } = await workspace(t)
  const { code, log, outputs } = await use({
    files: 'deploy/more/fine one.yaml\r\n\ndeploy/more\n',
    format: 'text',
  })
  t.equal(code, 0, log)
  t.equal(log.match(/^admitted/gm)?.length, 2)
  t.equal(outputs['exit-code'], '0')
})

t.test('no input is run as a command, or taken for an option', async (t) => {
  const { use, folder, write } = await workspace(t)
  await write('-x $(touch ran).yaml', fine)
  const evil = '"; touch ran; $(touch ran) `touch ran` #'
  const runs = [
    await use({ files: '-x $(touch ran).yaml' }),
    await use({ files: evil }),
    await use({ files: '--help' }),
    await use({ files: 'deploy', snapshot: evil }),
    await use({ files: 'deploy', snapshot: '', kubeconfig: evil, context: evil }),
    await use({ files: 'deploy', config: evil, 'longhorn-release': evil, format: evil }),
    await use({ files: 'deploy', strict: evil }),
    await use({ files: 'deploy', 'sarif-file': 'a\nexit-code=0' }),
  ]
  const [named, ...others] = runs
  t.match(named, { code: 0 })
  for (const { code, outputs, log } of others) t.strictSame([code, outputs['exit-code']], [2, '2'], log)
  await t.rejects(readFile(join(folder, 'ran')), 'nothing ran')
  for (const { run = '' } of action.runs.steps) t.notMatch(run, '${{', 'no script has an expression in it')
})

t.test('the action fails if a file, a snapshot or a kubeconfig cannot be read or judged', async (t) => {
  const { use, write } = await workspace(t)
  await write('pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n')
  await write('broken.yaml', 'kind: [\n')
  const inputs = [
    { files: 'broken.yaml' },
    { files: 'pod.yaml' },
    { files: 'gone/*.yaml' },
    { files: 'gone.yaml' },
    { files: '\n' },
    { files: 'deploy', kubeconfig: 'config' },
    { files: 'deploy', snapshot: '', kubeconfig: 'gone' },
  ]
  for (const each of inputs) {
    const { code, log } = await use(each)
    t.equal(code, 2, JSON.stringify(each))
    t.match(log, /^::error /m, JSON.stringify(each))
  }
  for (const files of ['pod.yaml', 'gone/*.yaml'])
    t.equal((await use({ files, 'skip-others': 'true' })).code, 0, files)
})

t.test('reports are written, and the one in SARIF is uploaded if it has a verdict', async (t) => {
  const { use, folder } = await workspace(t)
  const reported = await use({
    files: 'deploy',
    'sarif-file': 'r.sarif',
    'junit-file': 'r.xml',
    strict: 'false',
  })
  t.strictSame([reported.code, reported.outputs['sarif-file'], reported.used], [1, 'r.sarif', []])
  t.match(JSON.parse(await readFile(join(folder, 'r.sarif'), 'utf8')), { version: '2.1.0' })
  t.match(await readFile(join(folder, 'r.xml'), 'utf8'), '<testsuites')
  const uploaded = await use({ files: 'deploy', 'upload-sarif': 'true', category: 'longhorn' })
  t.match(uploaded.used, [
    {
      uses: /^github\/codeql-action\/upload-sarif@v\d+$/,
      with: { sarif_file: /holdfast\.sarif$/, category: 'longhorn' },
    },
  ])
  const unjudged = await use({ files: 'gone.yaml', 'upload-sarif': 'true' })
  t.strictSame([unjudged.code, unjudged.used], [2, []])
})

t.test('an old report is not uploaded if the check writes none', async (t) => {
  const { use, write } = await workspace(t)
  const old = await write('-r.sarif', '{"runs": [{"results": [{"ruleId": "last-usable-copy"}]}]}')
  const inputs = { files: 'deploy', 'sarif-file': '-r.sarif', 'upload-sarif': 'true' }
  const wrong = await use({ ...inputs, format: 'nonsense' })
  t.strictSame([wrong.code, wrong.outputs['sarif-file'], wrong.used], [2, undefined, []], wrong.log)
  await t.rejects(readFile(old))
})

t.test('no text of a manifest is a command of the runner, in any format', async (t) => {
  const { use, write } = await workspace(t)
  const name = 'x ##[error]a\n::error::b'
  await write('odd.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${JSON.stringify(name)}}\n`)
  await write('::error::c\n::error::d.yaml', 'kind: [\n')
  for (const format of ['text', 'json', 'yaml', 'junit', 'sarif', 'github']) {
    const { log } = await use({ files: 'odd.yaml\n*c*.yaml', format })
    const requests = requestsIn(log)
    t.notMatch(requests.join('\n'), /##\[|^::error::/m, `${format}: ${log}`)
    t.equal(requests.length > 0, format === 'github', `${format}: ${log}`)
  }
  const { log } = await use({ files: 'odd.yaml', snapshot: '', kubeconfig: 'x\n::error::e' })
  t.match(log, /^::error::e/m, 'the message has several lines')
  t.notMatch(requestsIn(log).join('\n'), /^::error::/m, log)
})

t.test('commands of the runner are stopped by a word that differs with each run', async (t) => {
  const { use } = await workspace(t)
  const wordOf = async (): Promise<string> =>
    /^::stop-commands::(\S{20,})$/m.exec((await use({ files: 'deploy/more', format: 'text' })).log)?.[1] ?? ''
  const words = [await wordOf(), await wordOf()]
  t.equal(new Set(words).size, 2, words.join(' '))
})

t.test('the action builds Holdfast once, and names the Node that it needs', async (t) => {
  const { use, checkout, write, path } = await workspace(t)
  const built = await readFile(join(checkout, 'dist/main.js'), 'utf8')
  await write('_actions/holdfast/dist/main.js', '')
  const [npm, old] = [await write('npm/npm', ''), await write('old/node', '#!/bin/sh\nexit 1\n')]
  await writeFile(join(checkout, 'built.js'), built)
  await writeFile(
    npm,
    `#!/usr/bin/env bash\necho "npm $*"; [ "$1" = ci ] || { mkdir -p dist; cp built.js dist/main.js; }\n`,
  )
  for (const program of [npm, old]) await chmod(program, 0o755)
  await rm(join(checkout, 'dist'), { recursive: true })
  const first = await use({ files: 'deploy/more' }, `${dirname(npm)}:${path}`)
  t.match(first, { code: 0, log: /npm ci --include=dev --ignore-scripts.*\nnpm run --silent build\n/ })
  t.notMatch((await use({ files: 'deploy/more' }, `${dirname(npm)}:${path}`)).log, 'npm')
  const late = await use({ files: 'deploy/more' }, `${dirname(old)}:${path}`)
  t.match(late, { code: 2, log: /^::error .*Node\.js 20\.19 or newer has to be on the PATH/m })
})
