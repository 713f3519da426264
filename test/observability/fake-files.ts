import type { AppendFiles, OpenFile } from '../../src/observability/record-file.ts'

/** A fault of the file system of a test, before an operation takes effect. */
export type Trouble = (what: 'open' | 'look' | 'append' | 'rename', text: string) => void | Promise<void>

/** A file system in memory, whose disk can hang, be full and lose files. */
export class FakeFiles implements AppendFiles {
  /** The files, by path. */
  readonly paths = new Map<string, { readonly identity: string; text: string }>()
  /** Called before each operation, which fails with its error, or hangs as long as it does not settle. */
  trouble: Trouble = () => undefined
  /** The free space of the disk, in characters. */
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
