import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { run, runProgram, start } from './holdfast.ts'

/** A sandbox that has come to its last words, with all that it printed. */
async function serving(t: Test, args: readonly string[]) {
  const bare = args.includes('--bare')
  const child = start(['sandbox', ...args])
  const exit = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exit
  })
  if (!child.stdout) throw new Error('no output')
  const output = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const lines: string[] = []
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const next = await output.next()
      if (next.done === true) throw new Error(`ended without ${String(pattern)}: ${lines.join('\n')}`)
      lines.push(next.value)
      if (pattern.test(next.value)) return next.value
    }
  }
  const summary = bare ? '' : await until(/Manager crashes/)
  await until(/A clean-up takes/)
  const kubeconfig = /export KUBECONFIG=(\S+)/.exec(lines.join('\n'))?.[1] ?? ''
  /** Runs one of the lines that it told, as a shell would. */
  const told = async (start: string) => {
    const line = lines.map((each) => each.trim()).find((each) => each.startsWith(start)) ?? 'false'
    const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', KUBECONFIG: kubeconfig }
    return await runProgram('sh', ['-c', line], env)
  }
  return { child, exit, until, told, kubeconfig, summary }
}

t.test('with --once the sandbox ends after the story', async (t) => {
  const { code, stdout, stderr } = await run([
    'sandbox',
    '--once',
    '--drain',
    '900ms',
    '--longhorn',
    'v1.10.0',
  ])
  t.equal(code, 0, stderr)
  t.match(stdout, 'Manager crashes: 0 with the guard off, 0 with it on.')
})

t.test('every line that it gives to try works, and what the guard decides appears', async (t) => {
  const { child, exit, until, told, kubeconfig, summary } = await serving(t, ['--drain', '900ms'])
  t.match(summary, 'Manager crashes: 1 with the guard off, 0 with it on.')
  t.match((await told('kubectl get')).stdout, /node-1[^]*ubuntu-22\.04/)
  t.equal((await told('kubectl patch backingimages')).code, 0)
  t.match(await until(/BackingImage ubuntu/), /admitted: UPDATE of BackingImage ubuntu-22\.04 by /)
  const evicted = await told('kubectl patch nodes')
  t.equal(evicted.code, 0, evicted.stderr)
  await until(/admitted: UPDATE of Node node-1 by /)
  child.kill('SIGINT')
  t.strictSame(await exit, [0, null])
  t.notOk(existsSync(kubeconfig), 'it takes its files away')
})

t.test('a bare sandbox has no guard', async (t) => {
  const { child, exit, told } = await serving(t, ['--bare', '--nodes', '2', '--images', '1'])
  t.match((await told('kubectl get')).stdout, 'node-2')
  t.equal((await told('kubectl patch backingimages')).code, 0)
  t.equal((await told('kubectl patch nodes')).code, 0, 'nothing stands in the way')
  child.kill('SIGTERM')
  t.strictSame(await exit, [0, null])
})

t.test('a flag that makes no sense is told', async (t) => {
  const few = await run(['sandbox', '--nodes', '1'])
  t.equal(few.code, 2)
  t.match(few.stderr, 'It must be a whole number of at least 2.')
  const lag = await run(['sandbox', '--informer-lag', '31s'])
  t.not(lag.code, 0)
  t.match(lag.stderr, 'at most 30s')
  const odd = await run(['sandbox', '--drain', 'soon'])
  t.equal(odd.code, 2)
  t.match(odd.stderr, 'It must be a duration such as 500ms, 5s or 1m30s.')
})
