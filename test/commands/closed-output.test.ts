import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { holdfast } from '../fixtures/main.ts'
import { thorough } from '../fixtures/thorough.ts'
import { record } from '../observability/records.ts'
import { runProgram, startProcess } from './holdfast.ts'

t.test('the exit code has the result even if the reader of the output is gone', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const folder = t.testdir({ kubeconfig })
  const path = (name: string) => join(folder, name)
  await writeFile(path('guard.log'), `${JSON.stringify(record({ uid: 'r' }))}\n`)
  const at = ['--kubeconfig', path('kubeconfig')]
  const misspelt = ['check', 'nodes/node-1', '-p', '{"spec":{"evict":true}}', ...at]
  const commands: readonly (readonly [readonly string[], number])[] = [
    [misspelt, 1],
    [['status', '--watch', ...at], 0],
  ]
  const others: typeof commands = [
    [['audit', path('guard.log')], 0],
    [['evict', 'node-9', '--unguarded', ...at], 2],
  ]
  for (const [args, code] of thorough ? [...commands, ...others] : commands) {
    const running = startProcess(args)
    running.stdout.destroy()
    running.stderr.resume()
    t.equal(await running.exit, code, args.join(' '))
  }
  const { PATH = '' } = process.env
  const full = ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, ...holdfast, 'completion', 'bash']
  const ended = await runProgram('sh', full, { PATH, HOME: '/dev/null' })
  t.match(ended, {
    code: 2,
    stderr:
      /^holdfast: standard output cannot be written: the disk is full \(ENOSPC\)\. So it is not complete\n$/,
  })
})
