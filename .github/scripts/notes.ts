/**
 * The notes of a release: its section in CHANGELOG.md, without the heading.
 *
 * @param version without `v`
 * @throws Error if there is no such section, if it is empty, or if it says that it is not released yet
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^(?=## )/m)
  const section = sections.find((text) => versionIn(text) === version)
  if (section === undefined) throw new Error(`CHANGELOG.md has no section ## ${version}`)
  const [heading = '', ...lines] = section.split('\n')
  if (/not released/i.test(heading))
    throw new Error(`CHANGELOG.md says "${heading.slice(3)}": replace that by the day of the release`)
  const text = lines.join('\n').trim()
  if (text === '') throw new Error(`The section ## ${version} of CHANGELOG.md is empty`)
  return `${text}\n`
}

/** `## 1.2.3`, `## 1.2.3-rc.1, 2027-01-31`. */
function versionIn(section: string): string | undefined {
  return /^## (\d+\.\d+\.\d+\S*?),?(?:\s|$)/.exec(section)?.[1]
}
