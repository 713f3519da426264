import { type Command, InvalidArgumentError } from 'commander'

/** The value of an option for which a file is read: commander waits for no value. */
export class LateValue<T> {
  /** As it was given. */
  readonly text: string
  /** @throws InvalidArgumentError */
  readonly read: () => Promise<T>

  constructor(text: string, read: () => Promise<T>) {
    this.text = text
    this.read = read
  }
}

/** Reads the late values of a command. An invalid one is reported in the words that commander has for all others. */
export async function readLateValues(command: Command): Promise<void> {
  for (const option of command.options) {
    const name = option.attributeName()
    const value: unknown = command.getOptionValue(name)
    if (!(value instanceof LateValue)) continue
    try {
      command.setOptionValueWithSource(name, await value.read(), command.getOptionValueSource(name))
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error
      const { code, exitCode, message } = error
      command.error(`error: option '${option.flags}' argument '${value.text}' is invalid. ${message}`, {
        code,
        exitCode,
      })
    }
  }
}
