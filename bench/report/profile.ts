import type { ProfiledFunction } from '../contest/profiler.ts'
import { questionWords, serverWords } from './words.ts'

/** What a server does with one core, in microseconds for each answer. */
export interface Profile {
  readonly question: string
  readonly server: string
  /** By what it does; see {@link worksOf}. */
  readonly us: Readonly<Record<string, number>>
}

/** The function that calls JSON.parse for a review, in both servers: V8 counts its time as theirs. */
const parsing = 'parseJson'

/** Sums up a profile by what the server does. @param answers how many it gave meanwhile */
export function worksOf(functions: readonly ProfiledFunction[], answers: number): Record<string, number> {
  const works: Record<string, number> = {}
  for (const each of functions) {
    const work = workOf(each)
    if (work !== undefined && each.us > 0) works[work] = (works[work] ?? 0) + each.us / answers
  }
  return works
}

function workOf({ name, url }: ProfiledFunction): string | undefined {
  if (name === '(idle)' || name === '(root)') return undefined
  if (name === '(garbage collector)') return 'collecting garbage'
  if (name === parsing) return 'JSON.parse'
  if (url === '') return 'the kernel, OpenSSL and other native code'
  if (url.startsWith('node:')) return 'HTTP, TLS and streams of Node'
  const [, room] = /\/src\/([^/]+)\//.exec(url) ?? []
  if (room !== undefined) return `\`${room}\` of Holdfast`
  const [, library] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
  return library ?? 'the handler of the bare server'
}

/** The table of some profiles, in Markdown: a row for each work, the largest of Holdfast first. */
export function profileTable(profiles: readonly Profile[]): string {
  const heading = ['microseconds for each review', ...profiles.map(titleOf)]
  const works = new Set(profiles.flatMap(({ us }) => Object.keys(us)))
  const most = (work: string): number => Math.max(...profiles.map(({ us }) => us[work] ?? 0))
  const rows = [...works].filter((work) => most(work) >= leastUs).toSorted((a, b) => most(b) - most(a))
  const others = (us: Profile['us']): number =>
    Object.entries(us).reduce((sum, [work, each]) => (rows.includes(work) ? sum : sum + each), 0)
  const all = (us: Profile['us']): number => Object.values(us).reduce((sum, each) => sum + each, 0)
  const row = (name: string, of: (us: Profile['us']) => number): string[] => [
    name,
    ...profiles.map(({ us }) => of(us).toFixed(1)),
  ]
  return [
    heading,
    heading.map(() => '---'),
    ...rows.map((work) => row(work, (us) => us[work] ?? 0)),
    row('all others', others),
    row('together', all),
  ]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('')
}

/** What takes less of every review is summed up, in microseconds. */
const leastUs = 0.3

function titleOf({ question, server }: Profile): string {
  return `${serverWords[server] ?? server}: ${questionWords[question] ?? question}`
}
