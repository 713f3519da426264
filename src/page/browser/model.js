/** @import { AuditRecord } from '../../observability/audit-record.ts' */
/** @import { NodeView, State, StateChange } from '../state-schema.ts' */

/** The page keeps so many records. */
const mostRecords = 500

/** The worst first; the same order as in the schema. */
const order = ['danger', 'flagged', 'cleaning up', 'down', 'settling', 'ok']

const names = new Intl.Collator('en', { numeric: true })

/** The latest state and the latest records. */
export class Model {
  /** @type {Omit<State, 'nodes'> | undefined} */
  state
  /** The newest first. @type {AuditRecord[]} */
  records = []
  /** @type {Map<string, NodeView>} */
  #nodes = new Map()
  /** @type {NodeView[] | undefined} */
  #sorted

  /** @param {State} state */
  setState({ nodes, ...state }) {
    this.state = state
    // A node that is the same keeps its object, so that nothing is drawn anew for it.
    const before = this.#nodes
    this.#nodes = new Map(
      nodes.map((node) => {
        const known = before.get(node.name)
        return [node.name, known && JSON.stringify(known) === JSON.stringify(node) ? known : node]
      }),
    )
    this.#sorted = undefined
  }

  /** @param {StateChange} change */
  applyChange({ nodes, ...change }) {
    if (!this.state) return
    this.state = { ...this.state, ...change, apiVersion: 'holdfast.dev/v1', kind: 'State' }
    if (!nodes) return
    for (const node of nodes.set) this.#nodes.set(node.name, node)
    for (const name of nodes.gone) this.#nodes.delete(name)
    this.#sorted = undefined
  }

  /** @param {Pick<State, 'now' | 'observedAt' | 'currentAt'>} moment */
  applyPulse(moment) {
    if (this.state) this.state = { ...this.state, ...moment }
  }

  /**
   * A connection begins with the latest records only. Those before them stay, and each keeps its object.
   *
   * @param {readonly AuditRecord[]} records the oldest first
   */
  setRecords(records) {
    const known = new Map(this.records.map((record) => [keyOf(record), record]))
    const latest = records.toReversed().map((record) => known.get(keyOf(record)) ?? record)
    const told = new Set(latest)
    const others = this.records.filter((record) => !told.has(record))
    this.records = [...latest, ...others].slice(0, mostRecords)
  }

  /** @param {AuditRecord} record */
  addRecord(record) {
    this.records = [record, ...this.records.slice(0, mostRecords - 1)]
  }

  /** All nodes, the worst first. @returns {readonly NodeView[]} */
  get nodes() {
    this.#sorted ??= [...this.#nodes.values()].sort(
      (one, other) =>
        order.indexOf(one.state) - order.indexOf(other.state) || names.compare(one.name, other.name),
    )
    return this.#sorted
  }

  /** @param {string} name */
  node(name) {
    return this.#nodes.get(name)
  }

  /**
   * The nodes that a person wants to see.
   *
   * @param {string} text part of the name of a node, a disk, an image or a path
   * @param {string} state empty for all
   */
  matching(text, state) {
    const wanted = text.trim().toLowerCase()
    if (wanted === '' && state === '') return this.nodes
    return this.nodes.filter(
      (node) => (state === '' || node.state === state) && (wanted === '' || searched(node).includes(wanted)),
    )
  }
}

/** @param {AuditRecord} record */
function keyOf({ replica, uid, time }) {
  return JSON.stringify([replica, uid, time])
}

/** All that a filter can find a node by. @type {WeakMap<NodeView, string>} */
const texts = new WeakMap()

/** @param {NodeView} node */
function searched(node) {
  let text = texts.get(node)
  if (text === undefined) {
    const disks = node.disks.flatMap(({ name, path, copies }) => [
      name,
      path,
      ...copies.map(({ image }) => image),
    ])
    texts.set(node, (text = [node.name, ...disks].join('\n').toLowerCase()))
  }
  return text
}
