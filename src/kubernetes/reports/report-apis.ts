import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest } from '../client/json-request.ts'

/** A kind of report, with the differences of the two. */
export interface ReportApi {
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  /** True if the report itself has a source; its results have one in any case. */
  readonly hasSource: boolean
}

/** The kinds that can be asked for by name. */
const reportApis = {
  openreports: { apiVersion: 'openreports.io/v1alpha1', kind: 'Report', plural: 'reports', hasSource: true },
  policyreport: {
    apiVersion: 'wgpolicyk8s.io/v1alpha2',
    kind: 'PolicyReport',
    plural: 'policyreports',
    hasSource: false,
  },
} as const satisfies Record<string, ReportApi>

/** Which kind to write: one of them, or the first that the API server serves. */
export type ReportChoice = keyof typeof reportApis | 'auto'

/** No kind of report that may be written is served. */
class NoReportApi extends Error {
  constructor(wanted: readonly ReportApi[]) {
    const names = wanted.map(({ kind, apiVersion }) => `${kind} of ${apiVersion}`).join(' or ')
    super(`The API server does not serve ${names}: install its definition, or set reports to off.`)
    this.name = 'NoReportApi'
  }
}

const parseResources = parser(
  Type.Object({ resources: optional(Type.Array(Type.Object({ name: Type.String() }))) }),
  ({ resources }) => (resources ?? []).map(({ name }) => name),
)

/**
 * The kind of report to write. OpenReports is the successor of PolicyReport, and comes first.
 *
 * @throws NoReportApi if it is not served; what `jsonRequest` throws if the API server cannot be asked
 */
export async function chosenApi(
  connection: Connection,
  choice: ReportChoice,
  signal: AbortSignal,
): Promise<ReportApi> {
  const wanted = choice === 'auto' ? Object.values(reportApis) : [reportApis[choice]]
  for (const api of wanted) if (await isServed(connection, api, signal)) return api
  throw new NoReportApi(wanted)
}

async function isServed(
  connection: Connection,
  { apiVersion, plural }: ReportApi,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const found = parseResources(
      await jsonRequest(connection, { method: 'GET', path: `/apis/${apiVersion}`, signal }),
    )
    return found.ok && found.value.includes(plural)
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 404) return false
    throw error
  }
}
