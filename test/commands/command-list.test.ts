import t from 'tap'
import { commandNames } from '../../src/command-line.ts'
import { commandList } from '../../src/commands/command-list.ts'
import { run } from './holdfast.ts'

t.test(
  'the list of commands shows the usage and the summary that each command’s own help shows',
  async (t) => {
    for (const { name, usage, summary } of commandList) {
      const { stdout } = await run([name, '--help'])
      const [first = '', description = ''] = stdout.split('\n\n')
      const [, parameters = ''] =
        new RegExp(`^Usage: holdfast ${name} \\[options\\] ?(.*)$`).exec(first) ?? []
      // As in any list of commander's: sub-commands are left out, and --help is no option.
      const hasOptions = /^ {2}-(?!h, --help)/m.test(stdout)
      const shown = [hasOptions ? '[options]' : '', parameters.replace('[command]', '')]
      t.equal(usage, shown.filter((part) => part !== '').join(' '), name)
      t.equal(summary, description.replaceAll('\n', ' '), name)
    }
  },
)

t.test('the list of commands has every command, in the order of the help', (t) => {
  t.strictSame(
    commandList.map(({ name }) => name),
    commandNames,
  )
  t.end()
})

t.test('help of a command is the same in both ways to ask for it', async (t) => {
  for (const { name } of commandList)
    t.strictSame(await run(['help', name]), await run([name, '--help']), name)
})

t.test('a usage line begins with the name by which the user called the program', async (t) => {
  const asPlugin = async (...args: string[]) => await run(args, {}, '', 'kubectl holdfast')
  t.match((await asPlugin('--help')).stdout, /^Usage: kubectl holdfast \[options\] \[command\]\n/)
  t.match((await asPlugin('status', '--help')).stdout, /^Usage: kubectl holdfast status \[options\]/)
  t.match((await asPlugin('help', 'proxy')).stdout, /^Usage: kubectl holdfast proxy /)
})
