import { decode, encode } from '@jridgewell/sourcemap-codec'

/**
 * The source maps of a bundle by file, with the parts that a stack trace uses: the source and the line of each line, without
 * columns, names and texts. So all of them are one small file.
 *
 * @param {readonly import('rolldown').OutputChunk[]} chunks
 */
export function sourceLines(chunks) {
  return Object.fromEntries(
    chunks.flatMap(({ fileName, map }) =>
      map && map.sources.length > 0 ? [[fileName, linesOnly(map)]] : [],
    ),
  )
}

/** @param {{ sources: readonly string[], mappings: string }} map */
function linesOnly({ sources, mappings }) {
  // A line of a package has none, and says so: a reader would take the one before for it.
  const lines = decode(mappings).map(([first]) => [
    first && first.length > 1 ? [0, first[1], first[2], 0] : [0],
  ])
  lines.push([[0]], [])
  return {
    version: 3,
    sources: sources.map((source) => source.replace(/^(\.\.\/)+/, '')),
    names: [],
    mappings: encode(lines),
  }
}

/** Packages stay without a map: their code is in the bundle as it is, and a map of it would be of no use. */
export const withoutMapsOfPackages = {
  name: 'without maps of packages',
  transform: {
    filter: { id: /\/node_modules\// },
    /** @param {string} code */
    handler: (code) => ({ code, map: { version: 3, names: [], sources: [], mappings: '' } }),
  },
}
