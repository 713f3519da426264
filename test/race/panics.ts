import { crashes } from '../../src/sandbox/controllers/crash-predicate.ts'
import type { CrashRecord, Report } from '../../src/sandbox/controllers/report.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'

/** Counts the panics of all managers, and how many of them the API itself would have explained. */
export class Panics {
  readonly records: CrashRecord[] = []
  /** Panics at a moment at which flag and clean-up stood side by side in the API too. */
  inApi = 0
  #sandbox: Sandbox | undefined

  /** To be given to the sandbox. */
  readonly report = (report: Report): void => {
    if (report.kind !== 'crash') return
    this.records.push(report.crash)
    void this.#compare(report.crash)
  }

  watch(sandbox: Sandbox): void {
    this.#sandbox = sandbox
  }

  /** Such as `12 panics, 1 of them in the API too; the first saw node-3 at 812 and debian at 840`. */
  get summary(): string {
    const [first] = this.records
    if (!first) return '0 panics'
    const { node, image, seen } = first
    return `${this.records.length} panics, ${this.inApi} of them in the API too; the first saw ${node} at ${seen.node} and ${image} at ${seen.image}`
  }

  async #compare({ node: name, release }: CrashRecord): Promise<void> {
    const sandbox = this.#sandbox
    if (!sandbox) return
    const { client, namespace } = sandbox
    // The embedded cluster answers from what it has at the call, before the crash is written down anywhere.
    const [node, images] = await Promise.all([
      client.get(resources.Node, namespace, name),
      client.list(resources.BackingImage, namespace),
    ])
    if (node && crashes(release.startsWith('v1.8.1') ? 'B' : 'A', node, images)) this.inApi += 1
  }
}
