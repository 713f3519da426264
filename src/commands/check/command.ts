import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { configure } from '../../configuration/configuration.ts'
import { layerFromFile, layerFromTexts } from '../../configuration/layer.ts'
import { settingFacts } from '../../configuration/settings.ts'
import { hasLonghorn } from '../../disk-map/disk-map-view.ts'
import { mostBytes } from '../../text/bounded-file.ts'
import { group } from '../../longhorn/kinds.ts'
import { assumption, isAssumed } from '../../longhorn/releases.ts'
import { someWaitToBeLost } from '../../rules/lost.ts'
import type { Policy } from '../../rules/policy.ts'
import { lasting } from '../../rules/sentences.ts'
import { wrapped } from '../../text/wrap.ts'
import { insistOnLonghorn } from '../guard/guard-place.ts'
import { addClusterOptions, asOneself, type ClusterFlags } from '../options/cluster-options.ts'
import { flagOf } from '../options/setting-options.ts'
import { repeatable } from '../options/variable-option.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { coloursFor, data, widthOf } from '../terminal.ts'
import type { ClusterState } from './cluster-state.ts'
import { type CheckDocument, emptyFile } from './documents.ts'
import { judgeAll } from './judge-all.ts'
import { namesObject, patchOf } from './patch.ts'
import type { Checked } from './problems.ts'
import { proposals } from './proposals.ts'
import { liveState, readDocuments, stateFrom } from './read-cluster.ts'
import { readText } from './read-files.ts'
import { isReportFormat, Reports } from './reports.ts'
import { exitCodeOf, someJudged } from './result.ts'
import { verdictsText } from './verdicts-text.ts'

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
  readonly longhornRelease?: string
  readonly skipOthers: boolean
  readonly report: readonly string[]
  readonly output: 'text' | 'json' | 'yaml' | 'junit' | 'sarif' | 'github'
}

/** `holdfast check`: would the guard allow this change now? */
export function checkCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('check')
    .description('Checks whether changes would be allowed now, with the guard’s own rules.')
    .argument(
      '[file...]',
      'files, as for -f; with --patch its object instead: nodes/node-1, backingimages/ubuntu-22.04',
    )
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
    .option(
      '--skip-others',
      'pass over documents that are no objects of Kubernetes, and exit with 0 if nothing is left to judge',
      false,
    )
    .option('--config <file>', 'configuration file of the guard, for its rules')
    .option('--longhorn-release <release>', settingFacts.longhornRelease.help)
    .option('--rule <rule=mode>', 'mode of a rule; several with commas between')
    .addOption(
      new Option('-o, --output <format>', 'output format')
        .choices(['text', 'json', 'yaml', 'junit', 'sarif', 'github'])
        .default('text'),
    )
    .option(
      '--report <format=file>',
      'write a report to a file too: sarif=report.sarif, junit=report.xml, github=FILE; may be given several times',
      repeatable,
      [],
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
  $ holdfast check manifests/ --snapshot cluster.yaml -o github --report sarif=report.sarif
  $ holdfast check nodes/node-1 --patch '{"spec":{"evictionRequested":true}}'
  $ kubectl get nodes.longhorn.io node-1 -n longhorn-system -o yaml | holdfast check --replace -f -`,
    )
  return addClusterOptions(command).action((named: readonly string[], flags: CheckFlags) =>
    check(named, flags, surroundings),
  )
}

/**
 * Judges first, and then writes each report once. Reports for CI systems also say why the command cannot run: an empty file
 * would look like a good result.
 */
async function check(
  named: readonly string[],
  flags: CheckFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { env, stdout, stderr, exitWith } = surroundings
  const root = env.GITHUB_WORKSPACE ?? ''
  const reports = new Reports({ ...flags, stdout, root: root === '' ? '.' : root })
  const note = (text: string): void => void stderr.write(`holdfast: ${text}\n`)
  const judged = await judge(named, flags, surroundings).catch((error: unknown) => {
    if (error instanceof CannotRun) return error
    throw error
  })
  if (judged instanceof CannotRun) {
    for (const { message } of await reports.write({ checked: [], code: 2, problem: judged.message }))
      note(message)
    throw judged
  }
  const { checked, code, isNothing } = judged
  show(checked, flags.output, surroundings)
  const [first, ...others] = await reports.write({
    checked,
    code,
    ...(isNothing && code > 0 && { problem: nothingJudged }),
  })
  exitWith(code)
  if (isNothing) note(nothingJudged)
  for (const { message } of others) note(message)
  if (first) throw first
}

/** The verdicts, and what they add up to. */
interface Judged {
  readonly checked: readonly Checked[]
  readonly code: number
  /** True if no document is an object that the guard judges. */
  readonly isNothing: boolean
}

/** @throws CannotRun */
async function judge(
  named: readonly string[],
  flags: CheckFlags,
  surroundings: CommandSurroundings,
): Promise<Judged> {
  const { stdin, stderr } = surroundings
  const policy = await policyOf(flags)
  const { files, target } = filesAndTarget(named, flags)
  // Mistakes in the command line are reported before any request.
  const wanted = await patchOf(target, flags)
  const documents: (readonly CheckDocument[])[] = []
  for (const path of files) {
    const found = await readDocuments([path], stdin)
    documents.push(found.length > 0 ? found : [emptyFile(path)])
  }
  const state =
    flags.snapshot.length > 0
      ? await stateFrom(flags.snapshot, stdin)
      : await liveState(asOneself(flags), surroundings)
  if (flags.snapshot.length === 0) insistOnLonghorn(state.map, policy.longhornNamespace)
  else if (!hasLonghorn(state.map)) throw new CannotRun(nothingIn(flags.snapshot))
  else if (!state.knowsWhen && state.map.imageCount === 0) throw new CannotRun(noImageIn(flags.snapshot))
  reportAssumptions(state, policy, (text) => stderr.write(`holdfast: ${text}\n`))
  const checked = await judgeAll(proposals(documents.flat(), wanted, state, flags), state, policy)
  const results = checked.map(({ result }) => result)
  const isNothing = !someJudged(results)
  if (flags.config === undefined && someWaitToBeLost(state.map)) stderr.write(assumedLostAfter(policy))
  return { checked, isNothing, code: isNothing && flags.skipOthers ? 0 : exitCodeOf(results, flags.strict) }
}

/** With a patch the argument is the object that it is for, and without one it is a file. */
function filesAndTarget(
  named: readonly string[],
  { filename, snapshot, patch }: CheckFlags,
): { readonly files: readonly string[]; readonly target: string | undefined } {
  if (patch !== undefined && named.length > 1)
    throw new CannotRun(`--patch is for one object, not for ${named.join(' ')}; for a file use -f`)
  const object = named.find((each) => namesObject(each) && !existsSync(each))
  if (patch === undefined && object !== undefined)
    throw new CannotRun(`there is no file ${object}; for a change of that object give --patch`)
  const files = patch === undefined ? [...filename, ...named] : filename
  if (files.length === 0 && patch === undefined)
    throw new CannotRun('nothing to check: name files, or give --patch with its object')
  if ([...files, ...snapshot].filter((path) => path === '-').length > 1)
    throw new CannotRun('standard input (-) can be read once: name a file for the other')
  return { files, target: patch === undefined ? undefined : named[0] }
}

/** The facts that the verdicts need and the files lack. */
function reportAssumptions(
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

async function policyOf({ config, rule, longhornNamespace, longhornRelease }: CheckFlags): Promise<Policy> {
  const given = {
    longhornNamespace,
    ...(rule === undefined ? {} : { rules: rule }),
    ...(longhornRelease === undefined ? {} : { longhornRelease }),
  }
  const layers = [
    layerFromTexts(given, flagOf),
    ...(config === undefined
      ? []
      : [layerFromFile(await readText(config, 'the configuration file', mostBytes.configuration), config)]),
  ]
  const problems = layers.flatMap((layer) => (layer.ok ? [] : layer.problems))
  if (problems.length > 0) throw new CannotRun(problems.join('\n'))
  return configure(layers.flatMap((layer) => (layer.ok ? [layer.settings] : []))).policy
}

/** Prints the verdicts, unless standard output is a report. */
function show(
  checked: readonly Checked[],
  output: CheckFlags['output'],
  { stdout, env }: CommandSurroundings,
): void {
  if (isReportFormat(output)) return
  const results = checked.map(({ result }) => result)
  if (output !== 'text') return void stdout.write(data(output, results))
  const colours = coloursFor(stdout, env)
  stdout.write(wrapped(verdictsText(results, colours), widthOf(stdout)))
}
