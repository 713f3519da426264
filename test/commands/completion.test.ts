import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run, runProgram } from './holdfast.ts'

t.test('bash offers commands, flags and their values', async (t) => {
  const { code, stdout } = await run(['completion', 'bash'])
  t.equal(code, 0)
  const script = join(t.testdir(), 'holdfast.bash')
  const offered = async (...words: string[]): Promise<string[]> => {
    const list = words.map((word) => `'${word}'`).join(' ')
    const ask = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`
    await writeFile(script, `${stdout}\n${ask}\n`)
    const told = await runProgram('bash', [script], { PATH: process.env.PATH ?? '' })
    t.equal(told.stderr, '')
    return told.stdout.trim().split('\n')
  }
  t.strictSame(await offered('holdfast', 'ev'), ['evict'])
  t.strictSame(await offered('holdfast', 'audit', '--su'), ['--summary'])
  t.strictSame(await offered('holdfast', 'audit', '--verdict', 're'), ['refuse'])
  t.ok((await offered('holdfast', '')).length >= 10)
})

t.test('zsh and fish have scripts of their own', async (t) => {
  t.match((await run(['completion', 'zsh'])).stdout, /^#compdef holdfast\n.*bashcompinit/)
  const fish = await run(['completion', 'fish'])
  t.match(fish.stdout, /^complete -c holdfast -f -n 'not __fish_seen_subcommand_from serve /)
  t.match(
    fish.stdout,
    "complete -c holdfast -n '__fish_seen_subcommand_from audit' -l output -x -a 'table wide json yaml'",
  )
})

t.test('an unknown shell is told which there are', async (t) => {
  t.match(await run(['completion', 'tcsh']), { code: 2, stderr: /Allowed choices are bash, zsh, fish/ })
})
