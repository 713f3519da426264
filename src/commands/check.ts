import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { Checker } from '../check/checker.ts'
import type { ClusterState } from '../check/cluster-state.ts'
import type { CheckDocument } from '../check/documents.ts'
import { junit } from '../check/junit.ts'
import { patchProposal, proposalOf, type PatchProposal, type Proposal } from '../check/proposal.ts'
import { exitCodeOf, resultOf, resultWithout, type CheckResult } from '../check/result.ts'
import { configure } from '../configuration/configuration.ts'
import { layerFromFile, layerFromTexts } from '../configuration/layer.ts'
import { findLonghorn, hasLonghorn, noLonghornIn } from '../disk-map/has-longhorn.ts'
import { kinds } from '../longhorn/kinds.ts'
import type { JudgedKind } from '../rules/change.ts'
import type { Policy } from '../rules/policy.ts'
import { coloursFor, type Colours } from '../terminal/colours.ts'
import { data } from '../terminal/output.ts'
import { plainLine, plainText } from '../text/plain-text.ts'
import { readYaml } from '../text/yaml-text.ts'
import { addClusterOptions, type ClusterFlags } from './cluster-options.ts'
import { liveState, readDocuments, stateFrom } from './cluster-state.ts'
import { CannotRun, exitCode } from './exit-code.ts'
import type { CommandSurroundings } from './surroundings.ts'

interface CheckFlags extends ClusterFlags {
  readonly filename: readonly string[]
  readonly snapshot: readonly string[]
  readonly patch?: string
  readonly type: 'merge' | 'json'
  readonly replace: boolean
  readonly as: string
  readonly asGroup: readonly string[]
  readonly config?: string
  readonly rule?: string
  readonly output: 'text' | 'json' | 'yaml' | 'junit'
}

/** `holdfast check`: would this be admitted now? */
export function checkCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('check')
    .description('Tells whether changes would be admitted now, by the same decision as the guard’s.')
    .argument('[target]', 'what --patch is for: nodes/node-1, backingimages/ubuntu-22.04')
    .option(
      '-f, --filename <path...>',
      'files, folders or - with manifests of Longhorn objects, or with AdmissionReviews',
      [],
    )
    .option(
      '--snapshot <path...>',
      'judge against this (from holdfast snapshot, or kubectl get -o yaml), not the live cluster',
      [],
    )
    .option('--patch <patch>', 'a patch in JSON or YAML, or @file: what kubectl patch -p would send')
    .addOption(
      new Option('--type <type>', 'what kind of patch that is').choices(['merge', 'json']).default('merge'),
    )
    .option('--replace', 'manifests stand for the whole object, as for kubectl replace, not apply', false)
    .option('--as <user>', 'who would ask', 'kubernetes-admin')
    .option('--as-group <group...>', 'in which groups', ['system:authenticated'])
    .option('--config <file>', 'configuration file of the guard, for its rules')
    .option('--rule <rule=mode>', 'mode of a rule; several with commas between')
    .addOption(
      new Option('-o, --output <format>', 'how to tell')
        .choices(['text', 'json', 'yaml', 'junit'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `
Each document is judged by itself, as if the others were not there, and nothing is written. What other replicas have
just admitted is not known here. Exit code: 0 all are admitted, 1 some are refused or held back, 2 some cannot be judged.

Examples:
  $ holdfast check -f change.yaml
  $ holdfast check -f manifests/ -o junit > report.xml
  $ holdfast check nodes/node-1 --patch '{"spec":{"evictionRequested":true}}'
  $ kubectl get nodes.longhorn.io node-1 -n longhorn-system -o yaml | holdfast check --replace -f -`,
    )
  return addClusterOptions(command).action((target: string | undefined, flags: CheckFlags) =>
    check(target, flags, surroundings),
  )
}

async function check(
  target: string | undefined,
  flags: CheckFlags,
  { env, stdin, stdout, stderr, exitWith }: CommandSurroundings,
): Promise<void> {
  const policy = await policyOf(flags)
  if (flags.filename.length === 0 && flags.patch === undefined) {
    throw new CannotRun('say what to check: -f FILE, or --patch with what it is for')
  }
  // What is typed wrong is told before anybody is asked.
  const documents = await readDocuments(flags.filename, stdin)
  const wanted = await patchOf(target, flags)
  const state =
    flags.snapshot.length > 0 ? await stateFrom(flags.snapshot, stdin) : await liveState(flags, env)
  if (flags.snapshot.length === 0 && !hasLonghorn(state.map))
    throw new CannotRun(`${noLonghornIn(policy.longhornNamespace)} ${findLonghorn}`)
  const checker = new Checker(state, policy, Date.now())
  const results: CheckResult[] = []
  for (const { source, proposal } of proposals(documents, wanted, state, flags)) {
    results.push(
      proposal.outcome === 'review'
        ? resultOf(source, proposal.what, await checker.check(proposal.review))
        : resultWithout(source, proposal),
    )
  }
  stdout.write(shown(results, flags.output, coloursFor(stdout, env)))
  exitWith(exitCodeOf(results))
  if (results.length === 0) {
    stderr.write('There is nothing to check in these files.\n')
    exitWith(exitCode.couldNotRun)
  }
}

function proposals(
  documents: readonly CheckDocument[],
  patch: PatchProposal | undefined,
  state: ClusterState,
  { replace, as: username, asGroup: groups }: CheckFlags,
): { readonly source: string; readonly proposal: Proposal }[] {
  const mode = replace ? 'replace' : 'apply'
  const context = { state, mode, actor: { username, groups } } as const
  const proposed = documents.map(({ source, object }) => ({ source, proposal: proposalOf(object, context) }))
  return patch ? [...proposed, { source: '--patch', proposal: patchProposal(patch, context) }] : proposed
}

async function patchOf(
  target: string | undefined,
  { patch, type }: CheckFlags,
): Promise<PatchProposal | undefined> {
  if (patch === undefined) return undefined
  const content = patch.startsWith('@') ? await contentOf(patch.slice(1)) : patch
  return { ...targetOf(target), type, patch: parsedPatch(content) }
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CannotRun(`cannot read the patch ${path}: ${String(cause)}`, { cause })
  }
}

function parsedPatch(text: string): unknown {
  try {
    return readYaml(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CannotRun(`--patch is neither JSON nor YAML: ${why}`, { cause })
  }
}

const judgedKinds: readonly JudgedKind[] = ['Node', 'BackingImage', 'BackingImageDataSource']

/** `nodes/node-1`, `node.longhorn.io/node-1`, `lhn/node-1`: as kubectl has it. */
function targetOf(target = ''): { readonly kind: JudgedKind; readonly name: string } {
  const [resource = '', name = ''] = target.split('/')
  const word = resource.toLowerCase().replace(/\..*$/, '')
  const kind = judgedKinds.find((each) =>
    [kinds[each].plural, kinds[each].shortName, each.toLowerCase()].includes(word),
  )
  if (!kind || name === '') {
    throw new CannotRun(
      `--patch has to be told what it is for, as in: holdfast check nodes/node-1 --patch …${target === '' ? '' : ` (not ${target})`}`,
    )
  }
  return { kind, name }
}

async function policyOf({ config, rule, longhornNamespace }: CheckFlags): Promise<Policy> {
  const layers = [
    layerFromTexts({ longhornNamespace, ...(rule === undefined ? {} : { rules: rule }) }, (name) =>
      name === 'rules' ? '--rule' : '--longhorn-namespace',
    ),
    ...(config === undefined ? [] : [layerFromFile(await contentOf(config), config)]),
  ]
  const problems = layers.flatMap((layer) => (layer.ok ? [] : layer.problems))
  if (problems.length > 0) throw new CannotRun(problems.join('\n'))
  return configure(layers.flatMap((layer) => (layer.ok ? [layer.settings] : []))).policy
}

function shown(results: readonly CheckResult[], format: CheckFlags['output'], colours: Colours): string {
  switch (format) {
    case 'json':
    case 'yaml':
      return data(format, results)
    case 'junit':
      return junit(results)
    case 'text':
      return results.map((result) => told(result, colours)).join('')
  }
}

function told({ source, what, outcome, message, warnings }: CheckResult, colours: Colours): string {
  const paint = {
    admitted: colours.green,
    'not-judged': colours.dim,
    held: colours.yellow,
    refused: colours.red,
    unusable: colours.red,
  }
  const words = {
    admitted: 'admitted',
    'not-judged': 'not judged',
    held: 'held back',
    refused: 'refused',
    unusable: 'cannot be judged',
  }
  const more = [
    ...(message === undefined ? [] : [message]),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ]
  const indented = more.flatMap((text) => plainText(text).split('\n')).map((line) => `    ${line}\n`)
  return `${paint[outcome](words[outcome])}  ${plainLine(`${what}  (${source})`)}\n${indented.join('')}`
}
