/**
 * The fields of a mapping in a file of the user. An error names the place and never the value, which may be
 * secret. As in Go, null and empty fields are absent.
 */
export class Fields {
  readonly #content: ReadonlyMap<string, unknown>
  readonly #place: string

  /** @param place of this mapping, for messages: `users[0].user` @throws Error if it is not a mapping */
  constructor(value: unknown, place = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(`${place === '' ? 'it' : place} is not a mapping${place === '' ? ' at its top' : ''}`)
    }
    this.#content = new Map<string, unknown>(Object.entries(value))
    this.#place = place
  }

  /** @throws Error if it is not a text */
  text(name: string): string | undefined {
    const value = this.#content.get(name) ?? ''
    if (typeof value !== 'string') throw new Error(`${this.#at(name)} is not a text; put it in quotes`)
    return value === '' ? undefined : value
  }

  /** Bytes in base64, in one line or in several. @throws Error for a text that Go rejects too */
  bytes(name: string): Buffer | undefined {
    const text = this.text(name)?.replaceAll(/[\r\n]/g, '')
    if (text === undefined) return undefined
    if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return Buffer.from(text, 'base64')
    throw new Error(`${this.#at(name)} is no base64`)
  }

  /** @throws Error if it is missing, or not a text */
  needed(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new Error(`${this.#at(name)} is missing`)
    return value
  }

  /** @throws Error if it is not a list of texts */
  texts(name: string): string[] {
    return this.#items(name).map((value, index) => {
      if (typeof value === 'string') return value
      throw new Error(`${this.#at(name)}[${index}] is not a text; put it in quotes`)
    })
  }

  /** @throws Error if it must be true or false */
  flag(name: string): boolean {
    const value = this.#content.get(name) ?? false
    if (typeof value !== 'boolean') throw new Error(`${this.#at(name)} must be true or false`)
    return value
  }

  /** The mapping under a name. @throws Error if it is not a mapping */
  mapping(name: string): Fields | undefined {
    const value = this.#content.get(name) ?? undefined
    return value === undefined ? undefined : new Fields(value, this.#at(name))
  }

  /** The mappings of a list. @throws Error if it is not a list of mappings */
  mappings(name: string): Fields[] {
    return this.#items(name).map((value, index) => new Fields(value, `${this.#at(name)}[${index}]`))
  }

  /** The value of the field, of any type. */
  raw(name: string): unknown {
    return this.#content.get(name) ?? undefined
  }

  names(): string[] {
    return [...this.#content.keys()]
  }

  #items(name: string): unknown[] {
    const value = this.#content.get(name) ?? []
    if (!Array.isArray(value)) throw new Error(`${this.#at(name)} is no list`)
    return value
  }

  #at(name: string): string {
    return this.#place === '' ? name : `${this.#place}.${name}`
  }
}
