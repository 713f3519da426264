import type { AppendFiles, OpenFile } from '../../src/observability/record-file.ts'

/** What can happen to the file system of a test, before what is asked of it takes effect. */
export type Trouble = (what: 'open' | 'look' | 'append' | 'rename', text: string) => void | Promise<void>

/** A file system in memory, whose disk can hang, be full and lose files. */
export class FakeFiles implements AppendFiles {
  /** What is in each file, by path. */
  readonly paths = new Map<string, { readonly identity: string; text: string }>()
  /** Called before each operation; what it throws is what that fails with, and what never settles hangs. */
  trouble: Trouble = () => undefined
  /** How many more characters the disk takes. */
  room = Infinity
  #made = 0

  async open(path: string): Promise<OpenFile> {
    await this.trouble('open', path)
    const file = this.paths.get(path) ?? { identity: String((this.#made += 1)), text: '' }
    this.paths.set(path, file)
    return {
      identity: file.identity,
      endsLine: file.text === '' || file.text.endsWith('\n'),
      append: async (text) => {
        await this.trouble('append', text)
        const taken = text.slice(0, this.room)
        this.room -= taken.length
        file.text += taken
        if (taken.length < text.length) throw new Error('ENOSPC: no space left on device')
      },
      close: () => Promise.resolve(),
    }
  }

  async look(path: string) {
    await this.trouble('look', path)
    const file = this.paths.get(path)
    return file && { identity: file.identity, size: file.text.length }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.trouble('rename', from)
    const file = this.paths.get(from)
    if (!file) throw new Error(`ENOENT: ${from}`)
    this.paths.delete(from)
    this.paths.set(to, file)
  }

  remove(path: string): Promise<void> {
    this.paths.delete(path)
    return Promise.resolve()
  }
}
