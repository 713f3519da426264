import { Command, Option } from 'commander'
import { configure } from '../../configuration/configuration.ts'
import { layerFromFile, layerFromTexts } from '../../configuration/layer.ts'
import { hasLonghorn } from '../../disk-map/disk-map-view.ts'
import { group } from '../../longhorn/kinds.ts'
import { assumption, isAssumed } from '../../longhorn/releases.ts'
import { someWaitToBeLost } from '../../rules/lost.ts'
import type { Policy } from '../../rules/policy.ts'
import { lasting } from '../../rules/sentences.ts'
import { plainLine, plainText } from '../../text/plain-text.ts'
import { wrapped } from '../../text/wrap.ts'
import { insistOnLonghorn } from '../guard/guard-place.ts'
import { addClusterOptions, asOneself, type ClusterFlags } from '../options/cluster-options.ts'
import { repeatable } from '../options/variable-option.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { type Colours, coloursFor, data, widthOf } from '../terminal.ts'
import { Checker } from './checker.ts'
import type { ClusterState } from './cluster-state.ts'
import type { CheckDocument } from './documents.ts'
import { patchOf, type TypedPatch } from './patch.ts'
import { patchProposal, type Proposal, proposalOf } from './proposal.ts'
import { liveState, readDocuments, stateFrom } from './read-cluster.ts'
import { readText } from './read-files.ts'
import {
  type CheckResult,
  doubtsAboutTwice,
  exitCodeOf,
  junit,
  resultOf,
  resultUnreadable,
  resultWithout,
  someJudged,
} from './result.ts'
import { unknownFor } from './unknown.ts'

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
  readonly strict: boolean
  readonly output: 'text' | 'json' | 'yaml' | 'junit'
}

/** `holdfast check`: would the guard allow this change now? */
export function checkCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('check')
    .description('Checks whether changes would be allowed now, with the guard’s own rules.')
    .argument('[target]', 'object for --patch: nodes/node-1, backingimages/ubuntu-22.04')
    .option(
      '-f, --filename <path>',
      'file, folder or - with manifests of Longhorn objects, or with AdmissionReviews; may be given several times',
      repeatable,
      [],
    )
    .option(
      '--snapshot <path>',
      'judge against this file (from holdfast snapshot, or kubectl get -o yaml), not the live cluster; may be given several times',
      repeatable,
      [],
    )
    .option('-p, --patch <patch>', 'patch in JSON or YAML, or @file, as for kubectl patch -p')
    .addOption(new Option('--type <type>', 'type of the patch').choices(['merge', 'json']).default('merge'))
    .option('--replace', 'manifests are whole objects, as for kubectl replace, not apply', false)
    .option('--as <user>', 'user who would send the request', 'kubernetes-admin')
    .option(
      '--as-group <group>',
      'group of that user; may be given several times (default: system:authenticated)',
      repeatable,
      [],
    )
    .option('--strict', 'unknown and duplicate fields count as a failure', true)
    .option('--no-strict', 'they are only warnings')
    .option('--config <file>', 'configuration file of the guard, for its rules')
    .option('--rule <rule=mode>', 'mode of a rule; several with commas between')
    .addOption(
      new Option('-o, --output <format>', 'output format')
        .choices(['text', 'json', 'yaml', 'junit'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `
The command judges each document separately, without the others, and writes nothing. It does not know what replicas of
the guard have just admitted. It judges a snapshot as of the time at which it was taken. It reads files as kubectl does:
YAML 1.1, without links to folders.

Exit code: 0 if all are admitted; 1 if some are refused, held back, or have an unknown or duplicate field; 2 if an object
cannot be judged, the snapshot lacks a kind that a verdict depends on, or there is nothing to judge.

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
  surroundings: CommandSurroundings,
): Promise<void> {
  const { env, stdin, stdout, stderr, exitWith } = surroundings
  const policy = await policyOf(flags)
  if (flags.filename.length === 0 && flags.patch === undefined) {
    throw new CannotRun('nothing to check: give -f FILE, or --patch with its object')
  }
  if (target !== undefined && flags.patch === undefined) {
    throw new CannotRun(`${target} needs --patch; for another file repeat -f`)
  }
  if ([...flags.filename, ...flags.snapshot].filter((path) => path === '-').length > 1)
    throw new CannotRun('standard input (-) can be read once: name a file for the other')
  // Mistakes in the command line are reported before any request.
  const wanted = await patchOf(target, flags)
  const documents: CheckDocument[] = []
  for (const path of flags.filename) {
    const found = await readDocuments([path], stdin)
    documents.push(...(found.length > 0 ? found : [{ source: path, problem: 'it is empty' }]))
  }
  const state =
    flags.snapshot.length > 0
      ? await stateFrom(flags.snapshot, stdin)
      : await liveState(asOneself(flags), surroundings)
  if (flags.snapshot.length === 0) insistOnLonghorn(state.map, policy.longhornNamespace)
  else if (!hasLonghorn(state.map)) throw new CannotRun(nothingIn(flags.snapshot))
  else if (!state.knowsWhen && state.map.imageCount === 0) throw new CannotRun(noImageIn(flags.snapshot))
  tellWhatIsAssumed(state, policy, (text) => stderr.write(`holdfast: ${text}\n`))
  const unknown: string[] = []
  const checker = new Checker(state, policy, (change) => unknown.push(...unknownFor(change, state.knows)))
  const results: CheckResult[] = []
  for (const { source, proposal } of proposals(documents, wanted, state, flags)) {
    const result =
      typeof proposal === 'string'
        ? resultUnreadable(source, proposal)
        : proposal.outcome === 'review'
          ? resultOf(source, proposal, await checker.check(proposal.review))
          : resultWithout(source, proposal)
    results.push(unknown.length > 0 ? { ...result, unknown: unknown.splice(0) } : result)
  }
  const text = shown(results, flags, coloursFor(stdout, env))
  stdout.write(flags.output === 'text' ? wrapped(text, widthOf(stdout)) : text)
  if (flags.config === undefined && someWaitToBeLost(state.map)) stderr.write(assumedLostAfter(policy))
  exitWith(exitCodeOf(results, flags.strict))
  if (!someJudged(results)) stderr.write(`holdfast: ${nothingJudged}\n`)
}

/** The facts that the verdicts need and the files lack. */
function tellWhatIsAssumed(
  { map, hasAges, knowsWhen }: ClusterState,
  { release }: Policy,
  note: (text: string) => void,
): void {
  if (release === undefined && isAssumed(map.release)) note(assumption(map.release))
  if (!knowsWhen && hasAges) {
    note(
      'The files have no time, so the ages of nodes and disks that are not ready count up to now. holdfast snapshot records the time.',
    )
  }
}

function assumedLostAfter({ lostAfterMs }: Policy): string {
  return `holdfast: A node is down, or a disk is not ready. It counts as lost after ${lasting(lostAfterMs)}, the default of lostAfter. If the guard has another, name its configuration with --config.\n`
}

function nothingIn(snapshot: readonly string[]): string {
  return `There is no Longhorn node, and no setting of Longhorn, in ${snapshot.join(', ')}: write one with holdfast snapshot`
}

/**
 * Files of kubectl with some kinds only look like a cluster without images, on which everything is allowed.
 */
function noImageIn(snapshot: readonly string[]): string {
  return `There is no backing image in ${snapshot.join(', ')}, so copies cannot be judged. Add the output of kubectl get backingimages.longhorn.io -o yaml, or write a snapshot with holdfast snapshot`
}

const nothingJudged = `Nothing here is an object that the guard judges: a Node, BackingImage or BackingImageDataSource of ${group}.`

/** A text is the reason why a document cannot be read. */
interface Proposed {
  readonly source: string
  readonly proposal: Proposal | string
}

function proposals(
  documents: readonly CheckDocument[],
  patch: TypedPatch | undefined,
  state: ClusterState,
  { replace, as: username, asGroup }: CheckFlags,
): Proposed[] {
  const mode = replace ? 'replace' : 'apply'
  const groups = asGroup.length > 0 ? asGroup : ['system:authenticated']
  const context = { state, mode, actor: { username, groups } } as const
  const proposed = documents.map((document): Proposed => {
    const { source } = document
    return 'problem' in document
      ? { source, proposal: document.problem }
      : { source, proposal: withDoubts(proposalOf(document.object, context), document.twice) }
  })
  return patch
    ? [...proposed, { source: '--patch', proposal: withDoubts(patchProposal(patch, context), patch.twice) }]
    : proposed
}

function withDoubts(proposal: Proposal, twice: readonly string[]): Proposal {
  return proposal.outcome === 'review'
    ? { ...proposal, doubts: [...proposal.doubts, ...doubtsAboutTwice(twice)] }
    : proposal
}

async function policyOf({ config, rule, longhornNamespace }: CheckFlags): Promise<Policy> {
  const layers = [
    layerFromTexts({ longhornNamespace, ...(rule === undefined ? {} : { rules: rule }) }, (name) =>
      name === 'rules' ? '--rule' : '--longhorn-namespace',
    ),
    ...(config === undefined
      ? []
      : [layerFromFile(await readText(config, 'the configuration file'), config)]),
  ]
  const problems = layers.flatMap((layer) => (layer.ok ? [] : layer.problems))
  if (problems.length > 0) throw new CannotRun(problems.join('\n'))
  return configure(layers.flatMap((layer) => (layer.ok ? [layer.settings] : []))).policy
}

function shown(results: readonly CheckResult[], { output, strict }: CheckFlags, colours: Colours): string {
  switch (output) {
    case 'json':
    case 'yaml':
      return data(output, results)
    case 'junit':
      return junit(results, strict)
    case 'text':
      return results.map((result) => told(result, colours)).join('')
  }
}

function told(result: CheckResult, colours: Colours): string {
  const { source, what, outcome, message, warnings, doubts, unknown = [] } = result
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
    ...[...doubts, ...unknown, ...warnings].map((warning) => `Warning: ${warning}`),
  ]
  const indented = more.flatMap((text) => plainText(text).split('\n')).map((line) => `    ${line}\n`)
  return `${paint[outcome](words[outcome])}  ${plainLine(`${what}  (${source})`)}\n${indented.join('')}`
}
