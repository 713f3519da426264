/** Reads a file of the project, by its path from the top folder. */
type Read = (path: string) => string

/** A place that names the version of Holdfast. */
export interface VersionPlace {
  readonly path: string
  /** In words: `version`, `image`, … */
  readonly what: string
  readonly version: string
}

/** Texts that name the version in docs and examples. The version of Longhorn or of a tool never has this form. */
const named: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['image', /\bholdfast:v?(\d+\.\d+\.\d+[\w.-]*)/g],
  ['--set image.tag', /\bimage\.tag=v?(\d+\.\d+\.\d+[\w.-]*)/g],
  ['tag', /^ *tag: v?(\d+\.\d+\.\d+[\w.-]*)/gm],
  ['targetRevision', /^ *targetRevision: v?(\d+\.\d+\.\d+[\w.-]*)/gm],
  ['tag of the repository', /(?:\bgit checkout |\brefs\/tags\/|^ *rev: )v(\d+\.\d+\.\d+[\w.-]*)/gm],
  ['package', /\bholdfast-(\d+\.\d+\.\d+(?:-[\w.-]+?)?)\.tgz/g],
  ['chart', /\bcharts\/holdfast\S* --version v?(\d+\.\d+\.\d+[\w.-]*)/g],
]

/**
 * Every place that names the version, and the version that it names.
 *
 * @param pages docs and examples, by their paths
 */
export function versionPlaces(read: Read, pages: readonly string[]): VersionPlace[] {
  const manifest = JSON.parse(read('package.json')) as { readonly version: string }
  const lock = JSON.parse(read('package-lock.json')) as {
    readonly version: string
    readonly packages: Readonly<Record<string, { readonly version?: string }>>
  }
  const chart = read('charts/holdfast/Chart.yaml')
  const places = [
    { path: 'package.json', what: 'version', version: manifest.version },
    { path: 'package-lock.json', what: 'version', version: lock.version },
    { path: 'package-lock.json', what: 'packages', version: lock.packages['']?.version ?? '' },
    { path: 'charts/holdfast/Chart.yaml', what: 'version', version: lineOf(chart, 'version') },
    { path: 'charts/holdfast/Chart.yaml', what: 'appVersion', version: lineOf(chart, 'appVersion') },
    { path: 'Dockerfile', what: 'version', version: labelOf(read('Dockerfile'), 'version') },
  ]
  const inText = ['charts/holdfast/Chart.yaml', ...pages].flatMap((path) =>
    named.flatMap(([what, pattern]) =>
      [...read(path).matchAll(pattern)].map(([, version = '']) => ({ path, what, version })),
    ),
  )
  return [...places, ...inText]
}

/**
 * The places that name another version.
 *
 * @param tag of the release: `v1.2.3`
 * @throws Error if it is no version
 */
export function otherVersions(places: readonly VersionPlace[], tag: string): VersionPlace[] {
  const [, wanted] = /^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/.exec(tag) ?? []
  if (wanted === undefined) throw new Error(`${tag} is no tag of a release, such as v1.2.3 or v1.2.3-rc.1`)
  return places.filter(({ version }) => version !== wanted)
}

/** True for a release that is not for everyone yet. */
export function isPrerelease(tag: string): boolean {
  return tag.includes('-')
}

function lineOf(yaml: string, key: string): string {
  return new RegExp(`^${key}: (\\S+)$`, 'm').exec(yaml)?.[1] ?? ''
}

function labelOf(dockerfile: string, label: string): string {
  return new RegExp(`org\\.opencontainers\\.image\\.${label}="([^"]*)"`).exec(dockerfile)?.[1] ?? ''
}
