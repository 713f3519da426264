import { readFile } from 'node:fs/promises'
import { plainLine } from '../../text/plain-text.ts'
import type { Surroundings } from '../surroundings.ts'
import { type Candidate, joinedWords, type Wanted, wanted } from './candidates.ts'
import type { ClusterKind, OfferedCommand } from './offers.ts'

/** What a shell does with the words that it gets; the numbers are those of kubectl and helm. */
const directive = { files: 0, noSpace: 2, noFiles: 4 } as const

/**
 * `holdfast __complete`: what a person may type next. It prints a line for each possibility, with its description behind a tab,
 * and last a directive, as kubectl and helm do. It loads little, since a shell asks with each press of TAB.
 *
 * @param args the words behind the program, the last of them unfinished; or `--current=WORD -- WORD…` of those before it
 * @param compute what may be typed, if it was not written down when Holdfast was built
 */
export async function complete(
  args: readonly string[],
  { env, stdout }: Pick<Surroundings, 'env' | 'stdout'>,
  compute: () => Promise<OfferedCommand>,
): Promise<void> {
  const words = wordsOf(args)
  const asked = wanted((await readOffers()) ?? (await compute()), words)
  const current = words.at(-1) ?? ''
  const { lookFor } = asked
  const found = isOfCluster(lookFor) ? await look(lookFor, asked, env) : []
  const candidates = [
    ...asked.candidates,
    ...found.map((name): Candidate => ({ word: asked.prefix + name, description: '' })),
  ].filter(({ word }) => word.startsWith(current))
  const lines = candidates.map(({ word, description }) => `${plainLine(word)}\t${plainLine(description)}\n`)
  const goesOn = candidates.length > 0 && candidates.every(({ word }) => word.endsWith('='))
  const noSpace = goesOn ? directive.noSpace : 0
  const directives = lookFor === 'files' ? directive.files : directive.noFiles + noSpace
  stdout.write(`${lines.join('')}:${directives}\n`)
}

function isOfCluster(kind: Wanted['lookFor']): kind is ClusterKind {
  return kind !== undefined && kind !== 'files' && kind !== 'text'
}

function wordsOf(args: readonly string[]): readonly string[] {
  const [first = '', separator, ...before] = args
  const current = /^--current=(.*)$/s.exec(first)?.[1]
  if (current === undefined || separator !== '--') return joinedWords(args)
  return joinedWords([...before, current])
}

/** Written down when Holdfast is built: to make all commands takes longer than a person waits. */
async function readOffers(): Promise<OfferedCommand | undefined> {
  try {
    const text = await readFile(new URL('completion.json', import.meta.url), 'utf8')
    // It is part of this very build, so nobody else has written it.
    return JSON.parse(text) as OfferedCommand
  } catch {
    return undefined
  }
}

/** A shell has no place for an error, so nothing is offered then. */
async function look(
  kind: ClusterKind,
  { values, given, impersonates }: Wanted,
  env: Surroundings['env'],
): Promise<readonly string[]> {
  const flag = (name: string, variable: string) => values.get(name)?.at(-1) ?? env[variable]
  const kubeconfig = flag('--kubeconfig', 'HOLDFAST_KUBECONFIG')
  const context = flag('--context', 'HOLDFAST_CONTEXT')
  const impersonate = {
    user: values.get('--as')?.at(-1),
    uid: values.get('--as-uid')?.at(-1),
    groups: values.get('--as-group'),
  }
  try {
    const { knownNames } = await import('./known-names.ts')
    const names = await knownNames(kind, {
      search: {
        environment: env,
        isInteractive: false,
        ...(kubeconfig === undefined ? {} : { kubeconfig }),
        ...(context === undefined ? {} : { context }),
        ...(impersonates && { impersonate }),
      },
      longhornNamespace: flag('--longhorn-namespace', 'HOLDFAST_LONGHORN_NAMESPACE') ?? 'longhorn-system',
      node: given[0],
    })
    return names.filter((name) => !given.includes(name))
  } catch {
    return []
  }
}
