import { closeSync, openSync, readSync } from 'node:fs'

/** What a program for Linux says of itself. */
export interface ElfFacts {
  /** The machine that it is for, as ELF numbers it. */
  readonly machine: number
  /** The names of the libraries that it loads when it starts. */
  readonly libraries: readonly string[]
}

/** EM_X86_64 and EM_AARCH64, by platform. */
export const machineOf: Readonly<Record<string, number>> = { 'linux/amd64': 62, 'linux/arm64': 183 }

const dynamicSection = 6
const needed = 1n

/** Reads a program of 64 bits, little-endian, of any machine: see elf(5). */
export function elfFacts(path: string): ElfFacts {
  const file = openSync(path, 'r')
  const bytes = (offset: number, length: number): Buffer => {
    const buffer = Buffer.alloc(length)
    readSync(file, buffer, 0, length, offset)
    return buffer
  }
  try {
    const header = bytes(0, 64)
    const [size, count] = [header.readUInt16LE(58), header.readUInt16LE(60)]
    const table = bytes(Number(header.readBigUInt64LE(40)), size * count)
    const section = (index: number): Buffer => {
      const at = index * size
      return bytes(Number(table.readBigUInt64LE(at + 24)), Number(table.readBigUInt64LE(at + 32)))
    }
    const dynamic = Array.from({ length: count }, (_, index) => index).find(
      (index) => table.readUInt32LE(index * size + 4) === dynamicSection,
    )
    const libraries: string[] = []
    if (dynamic !== undefined) {
      const names = section(table.readUInt32LE(dynamic * size + 40))
      const entries = section(dynamic)
      for (let at = 0; at < entries.length; at += 16) {
        if (entries.readBigUInt64LE(at) !== needed) continue
        const start = Number(entries.readBigUInt64LE(at + 8))
        libraries.push(names.toString('utf8', start, names.indexOf(0, start)))
      }
    }
    return { machine: header.readUInt16LE(18), libraries }
  } finally {
    closeSync(file)
  }
}
