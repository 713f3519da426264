import { writeFile } from 'node:fs/promises'
import { inWords } from '../../text/system-error.ts'
import { CannotRun, type Output } from '../surroundings.ts'
import { github } from './github.ts'
import { junit } from './junit.ts'
import type { Report } from './problems.ts'
import { sarif } from './sarif.ts'

/** The formats for CI systems. They have a result also where the command cannot run. */
const formats = { junit, github, sarif } as const satisfies Record<string, (report: Report) => string>

type ReportFormat = keyof typeof formats

/** True for the name of a format for CI systems. */
export function isReportFormat(name: string): name is ReportFormat {
  return Object.hasOwn(formats, name)
}

/** Where reports go. */
interface Destinations {
  readonly stdout: Output
  /** The format of standard output, one for CI systems or another. */
  readonly output: string
  /** `sarif=report.sarif`, for each file. */
  readonly report: readonly string[]
  readonly strict: boolean
  /** The root of the repository. */
  readonly root: string
}

/** The reports that one run writes. */
export class Reports {
  readonly #destinations: Destinations
  readonly #files: readonly { readonly format: ReportFormat; readonly path: string }[]

  /** @throws CannotRun for a report without a format or a file */
  constructor(destinations: Destinations) {
    this.#destinations = destinations
    this.#files = destinations.report.map(fileOf)
  }

  /** Writes every report that was asked for, once. @returns why some cannot be written */
  async write(report: Omit<Report, 'strict' | 'root'>): Promise<readonly CannotRun[]> {
    const { stdout, output, strict, root } = this.#destinations
    const whole = { ...report, strict, root }
    const problems: CannotRun[] = []
    if (isReportFormat(output)) stdout.write(formats[output](whole))
    for (const { format, path } of this.#files) {
      try {
        await writeFile(path, formats[format](whole))
      } catch (cause) {
        problems.push(new CannotRun(`cannot write the report ${path}: ${inWords(cause)}`, { cause }))
      }
    }
    return problems
  }
}

function fileOf(given: string): { readonly format: ReportFormat; readonly path: string } {
  const [, format = '', path = ''] = /^([^=]*)=(.*)$/s.exec(given) ?? []
  if (isReportFormat(format) && path !== '') return { format, path }
  const known = Object.keys(formats).join(', ')
  throw new CannotRun(`--report ${given} needs a format (${known}) and a file, as in sarif=report.sarif`)
}
