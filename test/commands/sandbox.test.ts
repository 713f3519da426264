import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { thorough } from '../fixtures/thorough.ts'
import { linesOf, run, runProgram, start, startProcess } from './holdfast.ts'

/** A sandbox that has come to its last words, with all that it printed. @param how as a process or within this */
async function serving(t: Test, how: typeof start, args: readonly string[]) {
  const folder = t.testdir()
  const running = how(['sandbox', ...args], { TMPDIR: folder })
  t.teardown(running.end)
  const lines: string[] = []
  const until = linesOf(running, lines)
  const summary = args.includes('--bare') ? '' : await until(/Manager crashes/)
  await until(/A clean-up takes/)
  const kubeconfig = /export KUBECONFIG=(\S+)/.exec(lines.join('\n'))?.[1] ?? ''
  /** Runs one of the lines that it told, as a shell would. */
  const printed = async (start: string) => {
    const line = lines.map((each) => each.trim()).find((each) => each.startsWith(start)) ?? 'false'
    const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: kubeconfig }
    return await runProgram('sh', ['-c', line], env)
  }
  return { ...running, until, printed, kubeconfig, summary }
}

// They wait for clean-ups most of the time. The tests of other files go on one after the other.
t.test('the sandbox as a command', { jobs: 4 }, (t) => {
  t.test('with --once the sandbox ends after the story', async (t) => {
    const args = ['sandbox', '--once', '--drain', '5s', '--longhorn', 'v1.10.0']
    const { code, stdout, stderr } = await run(args, { TMPDIR: t.testdir() })
    t.equal(code, 0, stderr)
    t.match(stdout, 'Manager crashes: 0 with the guard off, 0 with it on.')
  })

  t.test('every printed command works, and decisions of the guard appear', { skip }, async (t) => {
    const { kill, exit, until, printed, kubeconfig, summary } = await serving(t, startProcess, [
      '--drain',
      '5s',
    ])
    t.match(summary, 'Manager crashes: 1 with the guard off, 0 with it on.')
    t.match((await printed('kubectl get')).stdout, /node-1[^]*ubuntu-22\.04/)
    const cleaned = await printed('kubectl patch backingimages')
    if (cleaned.code !== 0) throw new Error(cleaned.stderr)
    t.match(
      await until(/removing the copy/),
      /admitted: removing the copy of ubuntu-22\.04 on disk-1 of node-1 by /,
    )
    const evicted = await printed('kubectl patch nodes')
    if (evicted.code !== 0) throw new Error(evicted.stderr)
    t.match(await until(/evicting disk-2 of node-1 by /), /held back/)
    kill('SIGINT')
    t.equal(await exit, 0)
    t.notOk(existsSync(kubeconfig), 'it takes its files away')
  })

  /** A release of each profile, and then every other one that behaves in its own way. */
  const releases = [
    'v1.7.3',
    'v1.8.1',
    'v1.9.1',
    ...(thorough ? ['v1.8.2', 'v1.9.0', 'v1.10.0', 'v1.11.0'] : []),
  ]

  for (const release of releases)
    t.test(`the lines that it gives to try show a hold on ${release}`, { skip }, async (t) => {
      const { kill, exit, until, printed } = await serving(t, start, ['--drain', '4s', '--longhorn', release])
      const [cleanUp, evict] = ['kubectl patch backingimages', 'kubectl patch nodes'] as const
      t.match(await printed(cleanUp), { code: 0, stderr: '' })
      t.match(await printed(evict), { code: 0 })
      t.match(
        await until(/evicting .* by sandbox-admin/),
        /held back: .* by eviction-during-cleanup|held back for \d+ s first/,
      )
      kill('SIGINT')
      t.equal(await exit, 0)
    })

  t.test('a bare sandbox has no guard', { skip }, async (t) => {
    const { kill, exit, printed } = await serving(t, start, ['--bare', '--nodes', '2', '--images', '1'])
    t.match((await printed('kubectl get')).stdout, 'node-2')
    t.equal((await printed('kubectl patch backingimages')).code, 0)
    t.equal((await printed('kubectl patch nodes')).code, 0, 'nothing stands in the way')
    kill('SIGTERM')
    t.equal(await exit, 0)
  })

  t.test('a flag with a wrong value is an error', async (t) => {
    const few = await run(['sandbox', '--nodes', '1'])
    t.equal(few.code, 2)
    t.match(few.stderr, 'It must be a whole number from 2 to 100.')
    t.match(await run(['sandbox', '--nodes', '1e9']), {
      code: 2,
      stderr: 'It must be a whole number from 2 to 100.',
    })
    t.match(await run(['sandbox', '--images', '101']), { code: 2, stderr: 'from 1 to 100.' })
    const port = await run(['sandbox', '--port', '70000'])
    t.match(port, { code: 2, stderr: 'It must be a port, 0 to 65535.' })
    const lag = await run(['sandbox', '--informer-lag', '31s'])
    t.not(lag.code, 0)
    t.match(lag.stderr, 'at most 30s')
    const odd = await run(['sandbox', '--drain', 'soon'])
    t.equal(odd.code, 2)
    t.match(odd.stderr, 'It must be a duration such as 500ms, 5s or 1m30s.')
  })
  t.end()
})

t.test('a sandbox whose terminal is closed leaves no folder behind', async (t) => {
  const folder = t.testdir()
  const running = start(['sandbox', '--bare'], { TMPDIR: folder })
  t.teardown(running.end)
  await linesOf(running)(/export KUBECONFIG=/)
  t.equal((await readdir(folder)).length, 1)
  running.kill('SIGHUP')
  t.equal(await running.exit, 0)
  t.strictSame(await readdir(folder), [])
})
