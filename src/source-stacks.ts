import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapping, type SourceMapPayload } from 'node:module'

/** A place in the bundle: folder, file, line and column. */
const place = /(file:\/\/\S*\/)([^/\s()]+\.js):(\d+):\d+/g

/**
 * Makes the function that shows the sources in a stack trace of the bundle: `src/gate/gate.ts:120` for each
 * place. With `--enable-source-maps` Node would read all maps at the start, which costs more than most
 * commands, and Node itself looks at a stack that no person sees each time that it ends a stream. So this
 * reads them for a stack that is shown. The collector may take them again: decoded, those of a guard are 3 MiB, and errors are rare.
 *
 * @param maps the source maps by file; the sources have none, and their stacks stay as they are
 */
export function sourceStacks(maps: URL): (stack: string) => string {
  const folder = new URL('.', maps).href
  let kept: WeakRef<SourceMaps> | undefined
  const readOnce = (): SourceMaps => {
    const known = kept?.deref()
    if (known) return known
    const read = new SourceMaps(maps)
    kept = new WeakRef(read)
    return read
  }
  return (stack) =>
    stack.replace(place, (shown: string, of: string, file: string, line: string) =>
      of === folder ? (readOnce().placeOf(file, Number(line)) ?? shown) : shown,
    )
}

/** The source maps of the bundle. */
class SourceMaps {
  readonly #raw: Readonly<Record<string, SourceMapPayload>>
  readonly #decoded = new Map<string, SourceMap>()

  constructor(file: URL) {
    this.#raw = readMaps(file)
  }

  /** Where the line of a file comes from, as `src/gate/gate.ts:120`. */
  placeOf(file: string, line: number): string | undefined {
    const entry: Partial<SourceMapping> | undefined = this.#of(file)?.findEntry(line - 1, 0)
    const { originalSource, originalLine } = entry ?? {}
    if (originalSource === undefined || originalLine === undefined) return undefined
    return `${originalSource}:${originalLine + 1}`
  }

  #of(file: string): SourceMap | undefined {
    const raw = this.#raw[file]
    const known = this.#decoded.get(file)
    if (known || !raw) return known
    const decoded = new SourceMap(raw)
    this.#decoded.set(file, decoded)
    return decoded
  }
}

/** No error may hide another: without readable maps there are none. */
function readMaps(maps: URL): Readonly<Record<string, SourceMapPayload>> {
  try {
    return JSON.parse(readFileSync(maps, 'utf8')) as Record<string, SourceMapPayload>
  } catch {
    return {}
  }
}
