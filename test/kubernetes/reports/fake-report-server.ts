import { Ajv, type ValidateFunction } from 'ajv'
import { isJsonObject, type JsonObject } from '../../../src/json/schema.ts'
import { mergePatch } from '../../../src/json/patch.ts'
import type { Connection } from '../../../src/kubernetes/client/connection.ts'
import type { ApiRequest } from '../../../src/kubernetes/client/exchange.ts'
import { untilAborted } from '../../fixtures/limits.ts'
import type { ReportDefinition } from '../../fixtures/report-definitions.ts'

/** A report as it is stored. */
export interface StoredReport extends JsonObject {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly resourceVersion: string
    readonly labels: Readonly<Record<string, string>>
  }
  readonly summary: Readonly<Record<string, number>>
  readonly source?: string
  readonly results: readonly {
    readonly source: string
    readonly policy: string
    readonly rule: string
    readonly result: string
    readonly severity: string
    readonly message: string
    readonly timestamp: { readonly seconds: number }
    readonly properties: Readonly<Record<string, string>>
  }[]
}

/** An API server for reports alone. It rejects fields that the definition of a kind does not have, and fails on request. */
export class FakeReportServer {
  /** Method and path of every request. */
  readonly requests: string[] = []
  /** The stored reports by their collections. */
  readonly stored = new Map<string, StoredReport>()
  /** The status of every answer, instead of doing anything. */
  failing: number | undefined
  /** True if no request is answered: each lasts until its signal ends it. */
  hangs = false
  /** Called with each request. */
  onRequest: () => void = () => undefined
  /** Called before each write, as another replica's turn. */
  before: () => void = () => undefined
  readonly #served = new Map<
    string,
    { readonly plural: string; readonly validate: ValidateFunction<StoredReport> }
  >()
  #version = 0

  constructor(...definitions: readonly ReportDefinition[]) {
    for (const definition of definitions) this.serve(definition)
  }

  /** Serves one more kind. */
  serve({ spec: { group, names, versions } }: ReportDefinition): void {
    const validate = new Ajv({ strict: false }).compile<StoredReport>(
      closed(versions[0].schema.openAPIV3Schema),
    )
    this.#served.set(`/apis/${group}/${versions[0].name}`, { plural: names.plural, validate })
  }

  /** A connection to it. */
  connection(): Connection {
    return {
      server: 'http://fake',
      namespace: undefined,
      inPod: false,
      close: () => undefined,
      request: async (request) => {
        if (this.hangs) {
          this.requests.push(`${request.method} ${request.path}`)
          await untilAborted(request.signal)
        }
        const { status, body } = this.#answer(request)
        const text = JSON.stringify(body)
        async function* chunks(): AsyncGenerator<Buffer> {
          yield await Promise.resolve(Buffer.from(text))
        }
        return { status, headers: {}, text: () => Promise.resolve(text), body: chunks() }
      },
    }
  }

  /** The only report. @throws Error if there is none, or several */
  get report(): StoredReport {
    const [report, ...others] = this.stored.values()
    if (report === undefined || others.length > 0) throw new Error(`there are ${this.stored.size} reports`)
    return report
  }

  #answer({ method, path, body }: ApiRequest): { readonly status: number; readonly body: JsonObject } {
    this.requests.push(`${method} ${path}`)
    this.onRequest()
    if (this.failing !== undefined) return failure(this.failing)
    const [, api = '', collection = '', name] =
      /^(\/apis\/[^/]+\/[^/]+)(?:(\/.+?)(?:\/([^/]+))?)?$/.exec(path) ?? []
    const served = this.#served.get(api)
    if (!served) return failure(404)
    if (collection === '') return { status: 200, body: { resources: [{ name: served.plural }] } }
    const key = `${api}${method === 'POST' ? `${collection}/${name ?? ''}` : collection}`
    if (!key.endsWith(`/${served.plural}`)) return failure(404)
    if (method !== 'GET') this.before()
    const stored = this.stored.get(key)
    if (method === 'GET') return stored ? { status: 200, body: stored } : failure(404)
    const sent: unknown = JSON.parse(String(body))
    if (!isJsonObject(sent)) return failure(400)
    if (method === 'POST') return stored ? failure(409) : this.#store(key, sent, served.validate)
    if (!stored) return failure(404)
    const { metadata } = sent
    const version = isJsonObject(metadata) ? metadata.resourceVersion : undefined
    if (version !== stored.metadata.resourceVersion) return failure(409)
    const patched = mergePatch(stored, sent)
    return isJsonObject(patched) ? this.#store(key, patched, served.validate) : failure(400)
  }

  #store(key: string, sent: JsonObject, validate: ValidateFunction<StoredReport>) {
    if (!validate(sent)) return failure(422)
    this.#version += 1
    const report = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(this.#version) } }
    this.stored.set(key, report)
    return { status: 200, body: report }
  }
}

function failure(code: number) {
  return { status: code, body: { kind: 'Status', code, reason: 'Fake', message: `it is ${code}` } }
}

/** A field that a definition does not have would be dropped without a word. */
function closed(schema: object): object {
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'object' && value !== null && !Array.isArray(value) ? closed(value) : value,
    ]),
  )
  return 'properties' in copy && 'type' in copy && copy.type === 'object'
    ? { ...copy, additionalProperties: false }
    : copy
}
