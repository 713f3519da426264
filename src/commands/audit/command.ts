import { Command, InvalidArgumentError, Option } from 'commander'
import { type AuditRecord, AuditRecordSchema } from '../../observability/audit-record.ts'
import { ruleNames } from '../../rules/finding.ts'
import type { HoldRecord } from '../../observability/hold-record.ts'
import { parseDuration } from '../../time/duration.ts'
import { addClusterOptions, addImpersonationOptions, askingOf } from '../options/cluster-options.ts'
import { addReplicaOptions } from '../options/replica-options.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import {
  isStructured,
  longhornName,
  type OutputFormat,
  outputOption,
  withoutNames,
  printed,
} from '../output/output-format.ts'
import { table, tableRow } from '../table.ts'
import { type Colours, coloursFor, data, dataLine, widthOf } from '../terminal.ts'
import { auditColumns, summaryColumns } from './columns.ts'
import { holdColumns } from './hold-row.ts'
import { type AuditFilter, concernsHold, isHold, matches, summarise, type SummaryLine } from './query.ts'
import { joined } from './rows.ts'
import { type AuditSource, auditSources, type SourceFlags } from './sources.ts'

interface AuditFlags extends SourceFlags, AuditFilter {
  readonly summary: boolean
  readonly schema: boolean
  readonly file?: string
  readonly output: OutputFormat<'table' | 'wide'>
  readonly headers: boolean
}

/** `holdfast audit`: what the guard denied, held, warned about and allowed by an exception. */
export function auditCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('audit')
    .description('Shows what the guard denied, held, warned about, and allowed by an override.')
    .argument('[source]', 'a file of records or a log, - for standard input (default: the running replicas)')
    .addOption(new Option('--file <path>', 'the same as the argument').hideHelp())
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
      outputOption(['table', 'wide'], 'table, wide with the reason too').default(
        { format: 'table' },
        'table',
      ),
    )
    .option('--no-headers', 'tables without headings')
    .addHelpText(
      'after',
      `
A replica remembers its latest 2,000 records. Older ones are in its log, or in the file of --audit-file.
For one change of one user a table joins equal denials, and a wait with its end though its cause may change. COUNT is how
many decisions a row has. -o takes what kubectl get takes.
Templates see the array of -o json, and with --follow each record; custom columns have a row for each, and name prints the
object for each.

With --follow a table also shows requests that begin to wait (waits: the cause, and the latest time of the answer) and
what became of them (waited). They are no records, so json and yaml have them with --holds only.
To read replicas you need the right to list pods and to create pods/portforward in the guard's namespace.

Examples:
  $ holdfast audit
  $ holdfast audit --since 1h --verdict refuse --summary
  $ holdfast audit --node node-1 --follow
  $ holdfast audit --follow --holds -o json
  $ holdfast audit -o custom-columns=TIME:.time,USER:.actor.user,CHANGE:.change
  $ holdfast audit -o jsonpath='{range [?(@.verdict=="refuse")]}{.time}{"\\t"}{.change}{"\\n"}{end}'
  $ kubectl logs -n holdfast -l app.kubernetes.io/instance=holdfast --prefix --tail=-1 | holdfast audit -
  $ holdfast audit /var/log/holdfast/audit.log -o json`,
    )
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command))).action(
    (source: string | undefined, flags: AuditFlags) => audit(source ?? flags.file, flags, surroundings),
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
  if (flags.summary && flags.output.format === 'name') throw new CannotRun(withoutNames)
  const ending = new AbortController()
  const { signal } = ending
  if (flags.follow) void untilSignal().then(() => ending.abort(new Error('interrupted')))
  const wanted = (entry: AuditRecord | HoldRecord): boolean =>
    isHold(entry) ? concernsHold(entry, flags) : matches(entry, flags)
  // Programs that read records must not come upon other documents.
  const { format } = flags.output
  const holds = flags.holds ?? (format === 'table' || format === 'wide')
  const note = (text: string): void => void stderr.write(`${text}\n`)
  const sources = await auditSources(
    source,
    { ...flags, holds },
    { ...askingOf(surroundings), signal, note, stdin },
  )
  const look = { colours: coloursFor(stdout, env), width: widthOf(stdout) }
  try {
    if (flags.follow && !flags.summary) {
      const show = liveView(flags, look)
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
    stdout.write(flags.summary ? summaryView(summarise(found), flags, look) : view(found, flags, look))
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

/** What is found, in the wanted format. */
function view(records: readonly AuditRecord[], { output, headers }: AuditFlags, look: View): string {
  if (isStructured(output)) {
    const names = records.map(({ object: { kind, name } }) => longhornName(kind, name))
    return printed(output, { document: records, items: records, names }, { headers })
  }
  if (records.length === 0) return ''
  const columns = auditColumns(output.format === 'wide', look.colours)
  return table(columns, joined(records), { width: look.width, headers })
}

/** One record at a time, each on one line; only YAML takes several. */
function liveView({ output, headers }: AuditFlags, look: View): (record: AuditRecord | HoldRecord) => string {
  if (output.format === 'json') return dataLine
  if (!isStructured(output)) {
    const ofRecord = auditColumns(output.format === 'wide', look.colours)
    const ofHold = holdColumns(output.format === 'wide', look.colours)
    return (entry) =>
      isHold(entry)
        ? tableRow(ofHold, entry, look)
        : joined([entry])
            .map((row) => tableRow(ofRecord, row, look))
            .join('')
  }
  let isFirst = true
  return (entry) => {
    const { kind, name } = entry.object
    const document = { document: entry, items: [entry], names: [longhornName(kind, name)] }
    const text = printed(output, document, { headers: headers && isFirst })
    isFirst = false
    return output.format === 'yaml' ? `---\n${text}` : text
  }
}

function summaryView(lines: readonly SummaryLine[], { output, headers }: AuditFlags, look: View): string {
  if (isStructured(output)) return printed(output, { document: lines, items: lines }, { headers })
  if (lines.length === 0) return ''
  return table(summaryColumns(Date.now(), look.colours), lines, { width: look.width, headers })
}

/** Where it is shown. */
interface View {
  readonly colours: Colours
  readonly width: number | undefined
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
