/**
 * The fields of a mapping that a person wrote. A wrong one is told by its place and never by its value, which may be a
 * secret. As in Go, a field that is null or empty is absent.
 */
export class Fields {
  readonly #content: ReadonlyMap<string, unknown>
  readonly #place: string

  /** @param place of this mapping, for messages: `users[0].user` @throws Error for what is no mapping */
  constructor(value: unknown, place = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(`${place === '' ? 'it' : place} holds no mapping${place === '' ? ' at its top' : ''}`)
    }
    this.#content = new Map<string, unknown>(Object.entries(value))
    this.#place = place
  }

  /** @throws Error for what is no text */
  text(name: string): string | undefined {
    const value = this.#content.get(name) ?? ''
    if (typeof value !== 'string') throw new Error(`${this.#at(name)} is no text; put it in quotes`)
    return value === '' ? undefined : value
  }

  /** @throws Error if it is missing, or no text */
  needed(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new Error(`${this.#at(name)} is missing`)
    return value
  }

  /** @throws Error for what is no list of texts */
  texts(name: string): string[] {
    return this.#items(name).map((value, index) => {
      if (typeof value === 'string') return value
      throw new Error(`${this.#at(name)}[${index}] is no text; put it in quotes`)
    })
  }

  /** @throws Error for what is neither true nor false */
  flag(name: string): boolean {
    const value = this.#content.get(name) ?? false
    if (typeof value !== 'boolean') throw new Error(`${this.#at(name)} is neither true nor false`)
    return value
  }

  /** The mapping under a name. @throws Error for what is none */
  mapping(name: string): Fields | undefined {
    const value = this.#content.get(name) ?? undefined
    return value === undefined ? undefined : new Fields(value, this.#at(name))
  }

  /** The mappings of a list. @throws Error for what is no list of mappings */
  mappings(name: string): Fields[] {
    return this.#items(name).map((value, index) => new Fields(value, `${this.#at(name)}[${index}]`))
  }

  /** What stands there, whatever it is. */
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
