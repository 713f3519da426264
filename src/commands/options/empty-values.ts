import type { Command } from 'commander'
import { CannotRun } from '../surroundings.ts'

/**
 * Rejects an option or argument with an empty value, as an unset shell variable leaves it. It would change
 * the meaning, to another context or to all namespaces.
 *
 * @param command whose arguments are parsed
 * @throws CannotRun
 */
export function refuseEmptyValues(command: Command): void {
  const options = command.options.flatMap((option) => {
    const key = option.attributeName()
    const value: unknown = command.getOptionValue(key)
    const isTyped = command.getOptionValueSource(key) === 'cli'
    return isTyped && [value].flat().includes('') ? [option.long ?? option.flags] : []
  })
  const names = command.registeredArguments.map((argument) => argument.name())
  const args = command.args.flatMap((value, at) =>
    value === '' ? [`argument ${names[at] ?? names.at(-1)}`] : [],
  )
  const empty = [...options, ...args]
  if (empty.length === 0) return
  throw new CannotRun(`${empty.join(', ')}: the value is empty. Give one, or leave it out`)
}
