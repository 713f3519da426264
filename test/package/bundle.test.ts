import { cp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import module, { builtinModules } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { commandList } from '../../src/commands/command-list.ts'
import { sourceStacks } from '../../src/source-stacks.ts'
import { run, runProgram } from '../commands/holdfast.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { root } from '../fixtures/root.ts'
import { spending } from './spending.ts'

const dist = t.testdir()
const { PATH = '' } = process.env
const built = await runProgram(process.execPath, [join(root, 'scripts/build.mjs'), dist], { PATH })
t.equal(built.code, 0, built.stderr)

/** The files of the bundle, by name. */
const files = new Map<string, string>()
for (const name of await readdir(dist))
  if (name.includes('.')) files.set(name, await readFile(join(dist, name), 'utf8'))

const main = join(dist, 'main.js')
const env = { PATH, HOME: '/dev/null' }

/** The modules that a file imports at once. */
function atOnce(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\b.*? from "([^"]+)"|^import "([^"]+)"/gm)].flatMap(
    ([, named, whole]) => named ?? whole ?? [],
  )
}

const importing =
  /^(?:import|export)\b.*? from "([^"]+)"|^import "([^"]+)"|\b(?:import|__require)\("([^"]+)"\)/

/** The modules that a file imports, at once or when it needs them. */
function importsOf(text: string): string[] {
  const code = text.split('\n').filter((line) => !/^\s*(?:\*|\/[/*])/.test(line))
  return code.flatMap((line) => [importing.exec(line)?.slice(1).join('') ?? []].flat())
}

/** ws is faster with them, and does without. */
const optional = ['bufferutil', 'utf-8-validate']

t.test('package.json has no dependencies, since the bundle has the code of all packages', async (t) => {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  t.notMatch(manifest, { dependencies: {} })
})

t.test('the bundle imports its own files and modules of Node, and no package', (t) => {
  for (const [name, text] of files) {
    if (!name.endsWith('.js')) continue
    for (const from of importsOf(text)) {
      const isThere = from.startsWith('./') ? files.has(from.slice(2)) : isOfNode(from)
      t.ok(isThere || optional.includes(from), `${name} imports ${from}`)
    }
    const costly = atOnce(text).filter((from) => /^(?:node:)?(?:fs|http|util)$/.test(from))
    t.strictSame(costly, [], `${name}: see scripts/builtins.mjs`)
  }
  t.end()
})

t.test('every file of the bundle can be loaded, and none waits for another that waits for it', async (t) => {
  const chunks = [...files.keys()].filter((name) => /^(?!main|kubectl).*\.js$/.test(name))
  const script = chunks.map((name) => `await import(${JSON.stringify(join(dist, name))})\n`).join('')
  const loaded = await runProgram(process.execPath, ['--input-type=module', '-e', script], env)
  t.match(loaded, { code: 0, stderr: '' })
  // In turns, those that need no other file any more: what is left imports itself.
  let left = chunks
  const needs = (name: string) => left.some((other) => atOnce(files.get(name) ?? '').includes(`./${other}`))
  for (;;) {
    const more = left.filter(needs)
    if (more.length === left.length) break
    left = more
  }
  t.strictSame(left, [])
})

t.test('the build empties no folder that has other files', async (t) => {
  const folder = t.testdir({ 'thesis.txt': 'years' })
  const refused = await runProgram(process.execPath, [join(root, 'scripts/build.mjs'), folder], { PATH })
  t.match(refused, { code: 2, stderr: /has other files than a bundle\. Name an empty folder/ })
  t.strictSame(await readdir(folder), ['thesis.txt'])
})

t.test('the licence of each bundled package is in the bundle', (t) => {
  const licences = files.get('THIRD-PARTY-LICENSES.txt') ?? ''
  for (const name of ['ajv', 'commander', 'fastify', 'pino', 'rfc6902', 'rolldown', 'typebox', 'ws', 'yaml'])
    t.match(licences, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\([\\w.-]+\\)\\n-+\\n\\n\\S`, 'm'))
  for (const [name, text] of files) {
    for (const [, of = ''] of text.matchAll(
      /^\/\/ node_modules\/(?:.*\/node_modules\/)?((?:@[^/]+\/)?[^/]+)\//gm,
    ))
      t.match(licences, new RegExp(`^${of} \\d`, 'm'), `${name} has code of ${of}`)
  }
  t.end()
})

t.test('only the command sandbox loads the embedded cluster, and an image can leave both out', async (t) => {
  for (const [name, text] of files)
    if (importsOf(text).includes('./embedded-cluster.js')) t.equal(name, 'sandbox.js')
  const image = t.testdir()
  await cp(dist, image, { recursive: true })
  for (const name of ['embedded-cluster.js', 'sandbox.js']) await rm(join(image, name))
  const program = join(image, 'main.js')
  t.match(await runProgram(process.execPath, [program, 'sandbox'], env), {
    code: 2,
    stderr: /^holdfast: the embedded cluster is not in this image\. .*npx holdfast sandbox/,
  })
  t.match(await runProgram(process.execPath, [program, 'serve', '--help'], env), { code: 0 })
})

t.test('each command of the bundle shows the help that the sources show', async (t) => {
  for (const name of ['', ...commandList.map((command) => command.name)]) {
    const args = name === '' ? ['--help'] : [name, '--help']
    const { code, stdout } = await runProgram(process.execPath, [main, ...args], env)
    t.strictSame({ code, stdout }, { code: 0, stdout: (await run(args)).stdout }, name)
  }
})

t.test('both names of the program work, and usage lines begin with the one that was called', async (t) => {
  const named = join(t.testdir(), 'kubectl-holdfast')
  await symlink(join(dist, 'kubectl-holdfast.js'), named)
  t.match(await runProgram(main, ['status', '--help'], env), { code: 0, stdout: /^Usage: holdfast status / })
  t.match(await runProgram(named, ['status', '--help'], env), {
    code: 0,
    stdout: /^Usage: kubectl holdfast status /,
  })
})

t.test('kubectl asks the bundle for completions of kubectl holdfast', async (t) => {
  const program = join(dist, 'kubectl_complete-holdfast.js')
  t.match(await runProgram(program, ['stat'], env), { code: 0, stdout: /^status\t.*\n:4\n$/ })
})

t.test('the live page of the bundle needs no file that is not there', async (t) => {
  const page = await readdir(join(dist, 'browser'))
  const html = await readFile(join(dist, 'browser/index.html'), 'utf8')
  const needed = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name)
  t.strictSame(page.toSorted(), [...needed, 'index.html'].toSorted())
  t.strictSame(importsOf(await readFile(join(dist, 'browser/main.js'), 'utf8')), [])
})

t.test('the stack trace of a bug names the source and its line', async (t) => {
  const source = (await readFile(join(root, 'src/program.ts'), 'utf8')).split('\n')
  const line = 1 + source.findIndex((text) => text.includes("process.stdout.on('error'"))
  const breaking = 'data:text/javascript,process.stdout.on = () => { throw new Error("broken") }'
  const { code, stderr } = await runProgram(process.execPath, ['--import', breaking, main], env)
  t.equal(code, 1)
  t.match(stderr, `at runProgram (src/program.ts:${line})`)
  const place = `at tr (file://${join(dist, 'http.js')}:900:1)`
  const inSources = sourceStacks(pathToFileURL(join(dist, 'source-lines.json')))
  t.equal(inSources(place), place, 'code of a package is in the bundle as it is')
  const elsewhere = join(t.testdir({ 'app(1)': {} }), 'app(1)')
  await cp(join(dist, 'source-lines.json'), join(elsewhere, 'source-lines.json'))
  const own = 1 + (files.get('main.js') ?? '').split('\n').findIndex((text) => /^\s+\w.*;$/.test(text))
  const stack = `at f (${pathToFileURL(elsewhere).href}/main.js:${own}:1)`
  t.match(sourceStacks(pathToFileURL(join(elsewhere, 'source-lines.json')))(stack), /^at f \(src\/\S+:\d+\)$/)
})

const canKeep = 'enableCompileCache' in module
const skip = canKeep ? false : 'Node 22.1 is the first that keeps what it has compiled'

t.test('Node keeps what it has compiled in the cache folder of the user', { skip }, async (t) => {
  const XDG_CACHE_HOME = t.testdir()
  t.match(await runProgram(main, ['--version'], { ...env, XDG_CACHE_HOME }), { code: 0, stderr: '' })
  t.strictSame(await readdir(join(XDG_CACHE_HOME, 'holdfast')), ['compile-cache'])
})

t.test('without a home Node keeps nothing, so no file comes into the current folder', async (t) => {
  const cwd = t.testdir()
  for (const HOME of [undefined, '', 'home'])
    t.match(
      await runProgram('sh', ['-c', 'cd "$0" && exec "$1" --version', cwd, main], {
        PATH,
        ...(HOME !== undefined && { HOME }),
      }),
      { code: 0, stderr: '' },
    )
  t.strictSame(await readdir(cwd), [])
})

t.test('a cache folder that cannot be written is no problem', async (t) => {
  const nowhere = { ...env, XDG_CACHE_HOME: '/dev/null' }
  t.match(await runProgram(main, ['--version'], nowhere), { code: 0, stderr: '' })
})

t.test('help, version and a typo use little, and status not much more', async (t) => {
  const folder = t.testdir()
  for (const args of [['--help'], ['--version'], ['stauts'], []]) {
    const { cpuSeconds, residentMB } = await spending([main, ...args], env, folder)
    t.ok(cpuSeconds < 0.4, `${args.join(' ')}: ${cpuSeconds} s`)
    t.ok(residentMB < 75, `${args.join(' ')}: ${residentMB} MB`)
  }
  const sandbox = await embeddedCluster(t)
  await writeFile(join(folder, 'kubeconfig'), sandbox.kubeconfig)
  const cluster = { ...env, KUBECONFIG: join(folder, 'kubeconfig') }
  const { cpuSeconds, residentMB, ended } = await spending([main, 'status'], cluster, folder)
  t.match(ended.stdout, 'node-1')
  t.ok(cpuSeconds < 1.2, `status: ${cpuSeconds} s`)
  t.ok(residentMB < 130, `status: ${residentMB} MB`)
})

function isOfNode(name: string): boolean {
  return name.startsWith('node:') || builtinModules.includes(name)
}
