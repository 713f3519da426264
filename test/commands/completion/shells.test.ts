import { spawnSync } from 'node:child_process'
import { chmod, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { shells } from '../../../src/commands/completion/shell-scripts.ts'
import { withoutKubectl } from '../../fixtures/kubectl.ts'
import { root } from '../../fixtures/root.ts'
import { commandLineServer } from '../command-line-server.ts'
import { run, runProgram } from '../holdfast.ts'

const without = (shell: string): string | false =>
  spawnSync(shell, ['-c', 'exit 0']).status === 0 ? false : `there is no ${shell} on the PATH`

/** A folder with `holdfast`, the script of a shell, and a kubeconfig with names that a shell must not run. */
async function folder(t: Test, shell: string) {
  const port = await commandLineServer(t)
  const owned = 'a$(touch owned)`touch owned`'
  const contexts = [owned, 'arn:aws:eks:one', 'arn:aws:eks:two', 'lab'].map((name) => ({
    name,
    context: { cluster: 'c' },
  }))
  const kubeconfig = JSON.stringify({ clusters: [{ name: 'c', cluster: {} }], contexts })
  const at = t.testdir({ kubeconfig, 'a file.yaml': '', bin: {} })
  const program = join(at, 'bin/holdfast')
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${root}/test/commands/client.mjs' "$@"\n`)
  await chmod(program, 0o755)
  await writeFile(join(at, 'script'), (await run(['completion', shell])).stdout)
  const env = {
    PATH: `${join(at, 'bin')}:${process.env.PATH ?? ''}`,
    HOME: at,
    KUBECONFIG: join(at, 'kubeconfig'),
    COMMAND_LINE_PORT: String(port),
  }
  /** Runs a program of the shell there. @returns its lines */
  const output = async (program: string): Promise<string[]> => {
    const { stdout, stderr } = await runProgram(shell, ['-c', `cd '${at}'; ${program}`], env)
    t.equal(stderr, '')
    return stdout.split('\n').filter((line) => line !== '')
  }
  return { at, env, output, owned }
}

t.test('bash offers what holdfast says, and runs none of it', { skip: without('bash') }, async (t) => {
  const { output, owned, at } = await folder(t, 'bash')
  const offered = async (...words: string[]) => {
    const list = words.map((word) => `'${word}'`).join(' ')
    return await output(
      `. ./script; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`,
    )
  }
  t.strictSame(await offered('holdfast', 'ev'), ['evict'])
  t.strictSame(await offered('holdfast', 'proxy', 'l'), ['longhorn'])
  t.strictSame(
    await offered('holdfast', 'audit', '--verdict', '=', 're'),
    ['refuse'],
    'behind what stands there',
  )
  t.strictSame(await offered('holdfast', 'status', '--context', 'arn', ':', 'aws', ':', 'e'), [
    'eks:one',
    'eks:two',
  ])
  t.strictSame(await offered('holdfast', 'status', '-o', 'custom-columns', '='), [])
  t.match(await offered('holdfast', 'status', '--context', 'a$'), [/^a\\\$\\\(touch/], 'quoted')
  t.notOk(spawnSync('ls', [join(at, 'owned')]).status === 0, owned)
})

t.test('the script for bash is one for the bash of macOS too', { skip: without('bash') }, async (t) => {
  const { output } = await folder(t, 'bash')
  const program =
    '. ./script; . ./script; compopt() { return 127; }; COMP_WORDS=(holdfast ev); COMP_CWORD=1; _holdfast'
  t.strictSame(await output(`${program}; printf '%s\\n' "\${COMPREPLY[@]}"`), ['evict'])
})

t.test('zsh offers what holdfast says, and runs none of it', { skip: without('zsh') }, async (t) => {
  const { output, at } = await folder(t, 'zsh')
  const stubs = `compdef() { print "compdef $*"; }; _files() { print files; }
    compadd() { shift; [[ "$1" == -S ]] && { print nospace; shift 2; }; print -l -- "\${found[@]}" "\${described[@]}"; }`
  const offered = async (...words: string[]) => {
    const list = words.map((word) => `'${word}'`).join(' ')
    return await output(`${stubs}\n. ./script; words=(${list}); CURRENT=${words.length}; _holdfast`)
  }
  t.match(await offered('holdfast', 'ev'), [
    'compdef _holdfast holdfast',
    'evict',
    /^evict {2}Empties Longhorn nodes/,
  ])
  t.match((await offered('holdfast', 'proxy', '')).length, 7)
  t.match(await offered('holdfast', 'check', '-f', ''), ['compdef _holdfast holdfast', 'files'])
  t.match((await offered('holdfast', 'status', '-o', 'custom'))[1], 'nospace')
  t.match(await offered('holdfast', 'status', '--context', 'arn:aws'), {
    1: 'arn:aws:eks:one',
    2: 'arn:aws:eks:two',
  })
  t.ok((await offered('holdfast', 'status', '--context', '')).includes('lab'))
  t.notOk(spawnSync('ls', [join(at, 'owned')]).status === 0)
})

t.test('fish offers what holdfast says, and runs none of it', { skip: without('fish') }, async (t) => {
  const { output, at } = await folder(t, 'fish')
  const offered = async (line: string) => await output(`source ./script; complete -C '${line}'`)
  t.match(await offered('holdfast ev'), [/^evict\tEmpties Longhorn nodes/])
  t.equal((await offered('holdfast proxy ')).length, 3)
  t.match(await offered('holdfast audit --verdict=re'), [/^--verdict=refuse/])
  t.match(await offered('holdfast check -f a'), [/^a file\.yaml/])
  t.match(await offered('holdfast status --context arn'), [/^arn:aws:eks:one/, /^arn:aws:eks:two/])
  t.ok((await offered('holdfast status --context ')).some((line) => line.startsWith('lab')))
  t.notOk(spawnSync('ls', [join(at, 'owned')]).status === 0)
})

t.test(
  'the scripts ask holdfast itself, and also those of shells that are not here can be had',
  async (t) => {
    for (const [shell, registers] of [
      ['bash', /^complete -o default -F _holdfast holdfast$/m],
      ['zsh', /^#compdef holdfast\n[^]*^ {2}compdef _holdfast holdfast$/m],
      ['fish', /^complete .*-c holdfast /m],
    ] as const) {
      const { code, stdout } = await run(['completion', shell])
      t.equal(code, 0, shell)
      t.match(stdout, registers)
      t.match(stdout, ' __complete ')
    }
  },
)

t.test('PowerShell gets a completer for native commands', async (t) => {
  const { code, stdout } = await run(['completion', 'powershell'])
  t.equal(code, 0)
  t.match(stdout, /^Register-ArgumentCompleter -Native -CommandName 'holdfast' -ScriptBlock \{$/m)
  t.match(stdout, `& $program __complete "--current=$wordToComplete" '--' @words`)
})

t.test(
  'the words before the unfinished one may come behind --, so that an empty one gets through',
  async (t) => {
    t.match(await run(['__complete', '--current=', '--', 'proxy']), { stdout: /^longhorn\t.*\n[^]*:4\n$/ })
    t.match(await run(['__complete', '--current=re', '--', 'audit', '--verdict']), {
      stdout: 'refuse\t\n:4\n',
    })
  },
)

t.test('kubectl completes its plugin', { skip: withoutKubectl }, async (t) => {
  const { at, env } = await folder(t, 'bash')
  const program = join(at, 'bin/kubectl_complete-holdfast')
  await writeFile(program, '#!/bin/sh\nexec holdfast __complete "$@"\n')
  await chmod(program, 0o755)
  await symlink(join(at, 'bin/holdfast'), join(at, 'bin/kubectl-holdfast'))
  const { stdout } = await runProgram('kubectl', ['__complete', 'holdfast', 'proxy', 'l'], env)
  t.match(stdout, /^longhorn\tRuns in front of Longhorn.*\n:4\n/)
})

t.test('an unknown shell is an error that lists the known ones', async (t) => {
  t.match(await run(['completion', 'tcsh']), {
    code: 2,
    stderr: `Allowed choices are ${shells.join(', ')}`,
  })
})
