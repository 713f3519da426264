import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { holdfast } from '../../fixtures/main.ts'

const { PATH = '', NODE_V8_COVERAGE } = process.env
/** util-linux's `script` gives a program a terminal. */
const hasScript = String(spawnSync('script', ['--version']).stdout).includes('util-linux')
const skip = hasScript ? false : 'there is no script of util-linux on the PATH'

for (const { key, typed, code } of [
  { key: 'q', typed: 'q', code: 0 },
  { key: 'Ctrl-C', typed: '\u0003', code: 0 },
  { key: 'Ctrl-\\', typed: '\u001C', code: 131 },
]) {
  t.test(
    `${key} ends status --watch on a terminal, which then shows again what is typed`,
    { skip },
    async (t) => {
      const sandbox = await embeddedCluster(t)
      const folder = t.testdir()
      await writeFile(join(folder, 'kubeconfig'), sandbox.kubeconfig)
      // The shell is still there afterwards, so it can tell how the terminal was left.
      const status = [process.execPath, ...holdfast, 'status', '--watch'].map((arg) => `'${arg}'`).join(' ')
      const child = spawn('script', ['-qfc', `${status}; echo "ended with $?"; stty -a`, '/dev/null'], {
        env: {
          PATH,
          HOME: '/dev/null',
          TERM: 'xterm',
          SHELL: '/bin/sh',
          KUBECONFIG: join(folder, 'kubeconfig'),
          ...(NODE_V8_COVERAGE !== undefined && { NODE_V8_COVERAGE }),
        },
      })
      t.teardown(() => child.kill('SIGKILL'))
      let shown = ''
      let isTyped = false
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        shown += chunk
        if (!isTyped && shown.includes('node-1')) child.stdin.write(typed)
        isTyped ||= shown.includes('node-1')
      })
      await once(child, 'close')
      t.match(shown, `ended with ${code}`)
      t.match(shown, / echo /)
      t.match(shown, / icanon /)
    },
  )
}
