import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { commandLineServer } from '../commands/command-line-server.ts'
import { chartObjects } from '../fixtures/chart-objects.ts'
import { embeddedCluster, type Choice } from '../fixtures/embedded-cluster.ts'
import { root } from '../fixtures/root.ts'

/** The owner that ends started processes: a test, or the program that writes the docs. */
export type Ending = Pick<Test, 'teardown'>

/** The guards of the docs take any port, and wait for a shorter time than 10 s. */
const settings = { HOLDFAST_HEALTH_PORT: '0', HOLDFAST_OPERATOR_PORT: '0', HOLDFAST_SETTLE: '2s' }

/**
 * A shell beside an embedded cluster, in a folder with everything that the commands of the docs count on. The command
 * line itself runs in this process.
 *
 * @param folder that is empty; the working folder until the end
 */
export async function shellIn(folder: string, ending: Ending, choice: Choice) {
  const sandbox = await embeddedCluster(ending, choice)
  await mkdir(join(folder, 'manifests'))
  await mkdir(join(folder, 'bin'))
  for (const name of ['holdfast', 'kubectl-holdfast'])
    await symlink(`${root}/test/commands/client.mjs`, join(folder, 'bin', name))
  const before = process.cwd()
  process.chdir(folder)
  ending.teardown(() => process.chdir(before))
  await chartObjects(sandbox.client)
  const node = await sandbox.client.get(
    { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' },
    sandbox.namespace,
    'node-3',
  )
  await writeFile(join(folder, 'manifests/node.yaml'), stringify(node))
  await writeFile(join(folder, 'kubeconfig'), sandbox.kubeconfig)
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env.PATH ?? ''}`,
    HOME: folder,
    KUBECONFIG: join(folder, 'kubeconfig'),
    COMMAND_LINE_PORT: String(await commandLineServer(ending)),
    ...settings,
  }
  /** Replaced in each command: ports that a test must not choose, names in angle brackets. */
  const replaced: [string, string][] = [
    ['<node>', 'node-1'],
    ['<disk>', 'disk-1'],
    ['<image>', 'ubuntu-22.04'],
    ['npm start -- --once', 'holdfast sandbox --once'],
    ['--upstream http://127.0.0.1:9500', `--upstream ${sandbox.rest.url}`],
    ['--listen 127.0.0.1:9501', '--listen 127.0.0.1:0'],
    ['--listen 127.0.0.1:8001', '--listen 127.0.0.1:0'],
    ['--port 8443 --health-port 8080', '--port 0 --health-port 0 --operator-port 0 --linger 0s'],
  ]
  const start = (command: string, options = 'set -e') => {
    const script = replaced.reduce((text, [from, to]) => text.replaceAll(from, to), command)
    const child = spawn('bash', ['-c', `${options}; exec 2>&1; ${script}`], {
      cwd: folder,
      env,
      detached: true,
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    /** Resolves once it has said something, or has ended without. */
    const said = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(output) && child.exitCode === null)
        await Promise.race([once(child.stdout, 'data'), ended])
    }
    const signal = (name: NodeJS.Signals): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, name)
    }
    return { output: () => output, ended, said, signal }
  }
  return { sandbox, folder, replaced, start }
}

/** A command that is running. */
export type Started = ReturnType<Awaited<ReturnType<typeof shellIn>>['start']>
