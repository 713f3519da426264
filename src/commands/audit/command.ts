import { Command, InvalidArgumentError, Option } from 'commander'
import { type AuditRecord, AuditRecordSchema } from '../../observability/audit-record.ts'
import { ruleNames } from '../../rules/finding.ts'
import type { HoldRecord } from '../../observability/hold-record.ts'
import { age } from '../../time/age.ts'
import { parseDuration } from '../../time/duration.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  askingOf,
  operatorPortOption,
} from '../options/cluster-options.ts'
import { origin } from '../options/variable-option.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { type Colours, coloursFor, type Column, data, dataLine, table, tableRow } from '../terminal.ts'
import { holdColumns } from './hold-row.ts'
import { type AuditFilter, concernsHold, isHold, matches, summarise, type SummaryLine } from './query.ts'
import { type AuditSource, auditSources, type SourceFlags } from './sources.ts'

interface AuditFlags extends SourceFlags {
  readonly since?: number
  readonly node?: string
  readonly image?: string
  readonly user?: string
  readonly rule?: string
  readonly verdict?: string
  readonly summary: boolean
  readonly schema: boolean
  readonly output: 'table' | 'wide' | 'json' | 'yaml'
}

/** `holdfast audit`: what the guard denied, held, warned about and allowed by an exception. */
export function auditCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('audit')
    .description('Shows what the guard denied, held, warned about, and allowed by an override.')
    .argument('[source]', 'a file of records or a log, - for standard input (default: the running replicas)')
    .option('--since <duration|time>', 'only records since then: 10m, 24h, 2026-11-23T18:00:00Z', since)
    .option('--node <name>', 'only records about this node')
    .option('--image <name>', 'only records about this backing image')
    .option('--user <name>', 'only requests of this user')
    .addOption(new Option('--rule <rule>', 'only decisions in which this rule had a part').choices(ruleNames))
    .addOption(
      new Option('--verdict <verdict>', 'only decisions with this verdict').choices([
        'allow',
        'hold',
        'refuse',
        'unavailable',
      ]),
    )
    .option('-f, --follow', 'keep showing new records until Ctrl-C', false)
    .option(
      '--holds',
      'with --follow: requests that begin to wait and what became of them, too; --no-holds for records alone (default: true in tables, false in json and yaml)',
    )
    .addOption(new Option('--no-holds').hideHelp())
    .option('--summary', 'count decisions by user, rule and verdict', false)
    .option('--schema', 'print only the JSON Schema of a record', false)
    .addOption(
      new Option('-o, --output <format>', 'output format; json and yaml have every field')
        .choices(['table', 'wide', 'json', 'yaml'])
        .default('table'),
    )
    .option('--address <url>', 'ask this replica only, e.g. http://127.0.0.1:8081', origin)
    .addOption(operatorPortOption())
    .addHelpText(
      'after',
      `
A replica remembers its latest 2,000 records. Older ones are in its log, or in the file of --audit-file.
With --follow a table also shows requests that begin to wait (waits: the cause, and the latest time of the answer) and
what became of them (waited). They are no records, so json and yaml have them with --holds only.
To read replicas you need the right to list pods and to create pods/portforward in the guard's namespace.

Examples:
  $ holdfast audit
  $ holdfast audit --since 1h --verdict refuse --summary
  $ holdfast audit --node node-1 --follow
  $ holdfast audit --follow --holds -o json
  $ kubectl logs -n holdfast -l app.kubernetes.io/component=guard --prefix --tail=-1 | holdfast audit -
  $ holdfast audit /var/log/holdfast/audit.log -o json`,
    )
  return addImpersonationOptions(addClusterOptions(command)).action(
    (source: string | undefined, flags: AuditFlags) => audit(source, flags, surroundings),
  )
}

async function audit(
  source: string | undefined,
  flags: AuditFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { env, stdin, stdout, stderr, untilSignal } = surroundings
  if (flags.schema) {
    stdout.write(data('json', AuditRecordSchema))
    return
  }
  if (flags.holds === true && (!flags.follow || flags.summary))
    throw new CannotRun(
      '--holds tells which requests begin and cease to wait, so it needs --follow, without --summary',
    )
  const ending = new AbortController()
  const { signal } = ending
  if (flags.follow) void untilSignal().then(() => ending.abort(new Error('interrupted')))
  const filter: AuditFilter = { ...flags }
  const wanted = (entry: AuditRecord | HoldRecord): boolean =>
    isHold(entry) ? concernsHold(entry, filter) : matches(entry, filter)
  // Programs that read records must not come upon other documents.
  const holds = flags.holds ?? (flags.output === 'table' || flags.output === 'wide')
  const note = (text: string): void => void stderr.write(`${text}\n`)
  const sources = await auditSources(
    source,
    { ...flags, holds },
    { ...askingOf(surroundings), signal, note, stdin },
  )
  const colours = coloursFor(stdout, env)
  try {
    if (flags.follow && !flags.summary) {
      const show = liveView(flags.output, colours)
      await Promise.all(
        sources.map(async (source) => {
          for await (const record of readAll(source, signal)) if (wanted(record)) stdout.write(show(record))
        }),
      )
      return
    }
    const found: AuditRecord[] = []
    for (const source of sources) {
      for await (const record of readAll(source, signal))
        if (!isHold(record) && wanted(record)) found.push(record)
    }
    found.sort((one, other) => one.time.localeCompare(other.time, 'en'))
    stdout.write(
      flags.summary
        ? summaryView(summarise(found), flags.output, colours)
        : view(found, flags.output, colours),
    )
    if (found.length === 0) note('No record matches.')
  } finally {
    for (const { close } of sources) close()
  }
}

/**
 * @throws CannotRun for a file or a log without a single record: it is the wrong file, or its records are
 * elsewhere
 */
async function* readAll(
  { records, text }: AuditSource,
  signal: AbortSignal,
): AsyncGenerator<AuditRecord | HoldRecord, void> {
  let count = 0
  for await (const record of records) {
    count += 1
    yield record
  }
  if (count > 0 || text === undefined || signal.aborted) return
  throw new CannotRun(
    `there is no record in ${text}; it has to be the log of a guard (auditLog: on), or its audit file`,
  )
}

function view(records: readonly AuditRecord[], format: AuditFlags['output'], colours: Colours): string {
  if (format === 'json' || format === 'yaml') return data(format, records)
  return records.length === 0 ? '' : table(columns(format, colours), records)
}

/** One record at a time, each on one line; only YAML takes several. */
function liveView(
  format: AuditFlags['output'],
  colours: Colours,
): (record: AuditRecord | HoldRecord) => string {
  if (format === 'json') return dataLine
  if (format === 'yaml') return (record) => `---\n${data('yaml', record)}`
  const cells = columns(format, colours)
  const ofHold = holdColumns(format, colours)
  return (entry) => (isHold(entry) ? tableRow(ofHold, entry) : tableRow(cells, entry))
}

function summaryView(lines: readonly SummaryLine[], format: AuditFlags['output'], colours: Colours): string {
  if (format === 'json' || format === 'yaml') return data(format, lines)
  if (lines.length === 0) return ''
  const now = Date.now()
  return table<SummaryLine>(
    [
      { heading: 'COUNT', cell: ({ count }) => String(count) },
      { heading: 'USER', cell: ({ user }) => user },
      { heading: 'VERDICT', cell: ({ verdict }) => verdict, paint: ({ verdict }) => paint(verdict, colours) },
      { heading: 'RULE', cell: ({ rule }) => rule },
      { heading: 'LAST', cell: ({ last }) => `${age(now - Date.parse(last))} ago` },
    ],
    lines,
  )
}

function columns(format: 'table' | 'wide', colours: Colours): Column<AuditRecord>[] {
  const narrow: Column<AuditRecord>[] = [
    { heading: 'TIME', cell: ({ time }) => time.replace(/\.\d+Z$/, 'Z') },
    { heading: 'VERDICT', cell: shownVerdict, paint: (record) => paint(shownVerdict(record), colours) },
    { heading: 'COUNT', cell: ({ count }) => String(count) },
    { heading: 'USER', cell: ({ actor }) => actor.user },
    {
      heading: 'CHANGE',
      cell: ({ operation, object, dryRun }) =>
        `${operation} ${object.kind}/${object.name}${dryRun ? ' (dry run)' : ''}`,
    },
    {
      heading: 'RULES',
      cell: ({ findings, why }) =>
        [...new Set(findings.map(({ rule }) => rule)), why].filter(Boolean).join(','),
    },
  ]
  if (format === 'table') return narrow
  return [
    ...narrow,
    { heading: 'WAITED', cell: ({ waitedMs }) => (waitedMs > 0 ? age(waitedMs) : '') },
    { heading: 'DOOR', cell: ({ door }) => door },
    { heading: 'REPLICA', cell: ({ replica }) => replica },
    {
      heading: 'REASON',
      cell: ({ override, mark, findings }) => override?.reason ?? mark ?? findings[0]?.message ?? '',
    },
  ]
}

function shownVerdict({ verdict, override }: AuditRecord): string {
  return override ? 'override' : verdict
}

function paint(verdict: string, colours: Colours): (text: string) => string {
  switch (verdict) {
    case 'refuse':
    case 'unavailable':
      return colours.red
    case 'hold':
    case 'override':
      return colours.yellow
    default:
      return (text) => text
  }
}

function since(text: string): number {
  const ago = parseDuration(text)
  const at = ago === undefined ? Date.parse(text) : Date.now() - ago
  if (Number.isNaN(at)) {
    throw new InvalidArgumentError(
      'It must be a duration such as 10m or 24h, or a time such as 2026-11-23T18:00:00Z.',
    )
  }
  return at
}
