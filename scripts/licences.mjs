// Writes down the licences of what is bundled: they ask for it.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const bundler = resolve(import.meta.dirname, '../node_modules/rolldown')

/** Licences that a bundle under Apache-2.0 may contain. */
const allowed = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']

/**
 * The packages of which the bundle has code, sorted by name.
 *
 * @param {Iterable<string>} modules the paths of the bundled modules
 */
export function packagesOf(modules) {
  const folders = new Set()
  for (const id of modules) {
    const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id) ?? []
    // A few lines of its own are in each bundle.
    if (id.includes('rolldown/runtime')) folders.add(bundler)
    else if (folder !== undefined) folders.add(folder)
  }
  return [...folders].map(packageIn).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** @param {string} folder */
function packageIn(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (!allowed.includes(license))
    throw new Error(`${name} ${version} has the licence ${license}: see scripts/licences.mjs`)
  return { name, version, license, text: textIn(folder) }
}

/** @param {string} folder */
function textIn(folder) {
  const texts = (/** @type {RegExp} */ pattern) =>
    readdirSync(folder)
      .filter((name) => pattern.test(name))
      .map((name) => readFileSync(join(folder, name), 'utf8').trim())
  const licences = texts(/^(licen[cs]e|notice|copying|copyright)/i)
  if (licences.length > 0) return licences.join('\n\n')
  const [readme = ''] = texts(/^readme\.md$/i)
  const section = readme.split(/^#+ /m).find((part) => /^licen[cs]e/i.test(part))
  if (section === undefined) throw new Error(`${folder} names no licence in a file, nor in its README`)
  return section.trim()
}

/** @param {ReturnType<typeof packagesOf>} packages each is a heading `name version (licence)` between two lines of dashes */
export function licenceFile(packages) {
  const line = '-'.repeat(80)
  const sections = packages.map(
    ({ name, version, license, text }) => `${line}\n${name} ${version} (${license})\n${line}\n\n${text}\n`,
  )
  return `Holdfast is under Apache-2.0 (LICENSE). Its files have code of these packages, under the licences below.\n\n${sections.join('\n')}`
}
