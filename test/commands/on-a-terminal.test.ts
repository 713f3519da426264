import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { start } from './holdfast.ts'

/** A kubeconfig whose plugin has to ask a person, for a server that nobody is. */
function kubeconfig(t: Test): string {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 't0ken' },
  }
  const exec = {
    apiVersion: credential.apiVersion,
    command: 'echo',
    args: [JSON.stringify(credential)],
    interactiveMode: 'Always',
  }
  const config = {
    clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'x', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'current-context': 'x',
  }
  return `${t.testdir({ config: JSON.stringify(config) })}/config`
}

const commands = [
  ['status'],
  ['audit'],
  ['doctor'],
  ['plan', 'node-1'],
  ['evict', 'node-1'],
  ['rescue'],
  ['snapshot'],
  ['ui'],
  ['proxy', 'kubernetes', '--listen', '127.0.0.1:0'],
]

for (const command of commands) {
  t.test(`holdfast ${command.join(' ')} lets a plugin ask a person, on a terminal alone`, async (t) => {
    const outputOf = async (isInteractive: boolean) => {
      const args = [...command, '--kubeconfig', kubeconfig(t)]
      const { stdout, stderr, exit } = start(args, { PATH: process.env.PATH ?? '' }, '', isInteractive)
      const [out, err] = await Promise.all([text(stdout), text(stderr), exit])
      return out + err
    }
    t.match(await outputOf(false), /needs a terminal/)
    t.notMatch(await outputOf(true), /needs a terminal/)
  })
}
