/** @import { NodeView } from '../state-schema.ts' */
/** @import { Model } from './model.js' */
import { byId, make, setText } from './dom.js'
import { cellsOf, mostDisks } from './row.js'
import { counted, lasting } from './words.js'

const scroll = byId('scroll', HTMLElement)
const rows = byId('rows', HTMLElement)
const grid = byId('grid', HTMLElement)
const filter = byId('nodes-filter', HTMLInputElement)
const stateFilter = byId('nodes-state', HTMLSelectElement)
const count = byId('nodes-count', HTMLElement)

/** In pixels; page.css has the same. */
const diskWidth = 250
const widestDisk = 480
const diskHeight = 50
const rowPadding = 8
const otherColumns = 480
/** A narrower table has the disks of a node below its name, and these sizes. */
const narrowest = 740
const nameHeight = 44
const cellPadding = 20
/** A copy is readable with so much room, and the number of further copies needs the rest. */
const copyWidth = 110
const moreWidth = 30

/** The rows so far above and below are drawn too, so that scrolling shows no gap. In pixels. */
const margin = 400

/** A node as it is drawn. @typedef {{ element: HTMLElement, node: NodeView | undefined, how: string }} Row */

/**
 * The nodes, the worst first. Only those in sight are in the document, however many there are. The height of a row follows from
 * the number of its disks, so that nothing has to be measured.
 */
export class NodesView {
  #model
  #choices
  #now
  /** @type {Map<string, Row>} */
  #drawn = new Map()
  /** @type {readonly NodeView[]} */
  #nodes = []
  /** Where each row begins; one more for the end. @type {number[]} */
  #tops = [0]
  /** Where there is no room for all copies of a disk, so many are shown. */
  #copies = 2
  /** The row that the keyboard is on. */
  #current = ''
  /** True while the page is printed, out of sight or not. */
  #isPrinted = false

  /**
   * @param {Model} model
   * @param {{ has: (name: string) => boolean, set: (name: string, chosen: boolean) => void }} choices for what-if
   * @param {() => number} now
   */
  constructor(model, choices, now) {
    this.#model = model
    this.#choices = choices
    this.#now = now
    for (const state of ['danger', 'flagged', 'cleaning up', 'down', 'settling', 'ok'])
      stateFilter.append(make('option', { value: state }, state))
    filter.addEventListener('input', () => this.show())
    stateFilter.addEventListener('change', () => this.show())
    scroll.addEventListener('scroll', () => this.#draw(), { passive: true })
    new ResizeObserver(() => this.show()).observe(scroll)
    grid.addEventListener('keydown', (event) => this.#pressed(event))
    grid.addEventListener('focusin', ({ target }) => {
      const row = target instanceof Element ? target.closest('[data-node]') : null
      if (row instanceof HTMLElement) this.#moveTo(row.dataset.node ?? '', false)
    })
  }

  /** Shows the nodes as they are now. */
  show() {
    this.#nodes = this.#model.matching(filter.value, stateFilter.value)
    const most = Math.max(1, ...this.#nodes.map(({ disks }) => disks.length))
    const isNarrow = grid.clientWidth < narrowest
    grid.classList.toggle('narrow', isNarrow)
    const width = scroll.clientWidth - (isNarrow ? cellPadding : otherColumns)
    const perLine = Math.min(most, Math.max(1, Math.floor(width / diskWidth)))
    const eachDisk = Math.min(widestDisk, width / perLine)
    rows.style.setProperty('--disk-width', `${eachDisk}px`)
    this.#copies = Math.max(2, Math.floor((eachDisk - moreWidth) / copyWidth))
    this.#tops = [0]
    for (const { disks } of this.#nodes) {
      const lines = Math.max(1, Math.ceil(Math.min(disks.length, mostDisks) / perLine))
      const height = lines * diskHeight + rowPadding + (isNarrow ? nameHeight : 0)
      this.#tops.push((this.#tops.at(-1) ?? 0) + height)
    }
    rows.style.height = `${this.#tops.at(-1)}px`
    grid.setAttribute('aria-rowcount', String(this.#nodes.length + 1))
    const all = this.#model.nodes.length
    setText(
      count,
      this.#nodes.length === all ? counted(all, 'node') : `${this.#nodes.length} of ${counted(all, 'node')}`,
    )
    this.#draw()
  }

  /** Paper has no rows out of sight. @param {boolean} isPrinted */
  printAll(isPrinted) {
    this.#isPrinted = isPrinted
    this.#draw()
  }

  /** Ages in sight count on. */
  tick() {
    const now = this.#now()
    for (const time of rows.querySelectorAll('time')) setText(time, lasting(now - Number(time.dataset.since)))
  }

  #draw() {
    const [first, last] = this.#inSight()
    const keep = new Set(this.#nodes.slice(first, last).map(({ name }) => name))
    if (!this.#nodes.some(({ name }) => name === this.#current))
      this.#current = this.#nodes[first]?.name ?? ''
    // The keyboard stays on its row, in sight or not.
    if (this.#hasFocus()) keep.add(this.#current)
    for (const [name, { element }] of this.#drawn) {
      if (keep.has(name)) continue
      element.remove()
      this.#drawn.delete(name)
    }
    for (const [index, node] of this.#nodes.entries())
      if (keep.has(node.name) || node.name === this.#current) this.#drawRow(index, node)
  }

  /** @returns {[number, number]} */
  #inSight() {
    if (this.#isPrinted) return [0, this.#nodes.length]
    const { scrollTop, clientHeight } = scroll
    const first = this.#tops.findIndex((_, index) => (this.#tops[index + 1] ?? Infinity) > scrollTop - margin)
    const last = this.#tops.findIndex((top) => top > scrollTop + clientHeight + margin)
    return [Math.max(0, first), last < 0 ? this.#nodes.length : last]
  }

  /**
   * @param {number} index
   * @param {NodeView} node
   */
  #drawRow(index, node) {
    const row = this.#drawn.get(node.name) ?? this.#newRow(node.name)
    const { element } = row
    const isChosen = this.#choices.has(node.name)
    const wanted = filter.value.trim().toLowerCase()
    const copies = this.#copies
    const how = `${isChosen} ${copies} ${wanted}`
    if (row.node !== node || row.how !== how) {
      row.node = node
      row.how = how
      element.className = `row ${node.state.replace(' ', '-')}`
      const choose = (/** @type {string} */ name, /** @type {boolean} */ chosen) =>
        this.#choices.set(name, chosen)
      element.replaceChildren(...cellsOf(node, { now: this.#now(), isChosen, choose, wanted, copies }))
    }
    element.style.top = `${this.#tops[index] ?? 0}px`
    element.style.height = `${(this.#tops[index + 1] ?? 0) - (this.#tops[index] ?? 0)}px`
    element.setAttribute('aria-rowindex', String(index + 2))
    element.tabIndex = node.name === this.#current ? 0 : -1
  }

  /** @param {string} name */
  #newRow(name) {
    const element = make('div', { role: 'row', 'data-node': name })
    rows.append(element)
    /** @type {Row} */
    const row = { element, node: undefined, how: '' }
    this.#drawn.set(name, row)
    return row
  }

  #hasFocus() {
    return rows.contains(document.activeElement)
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const row = event.target instanceof Element ? event.target.closest('[data-node]') : null
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return
    const at = this.#nodes.findIndex(({ name }) => name === this.#current)
    const page = Math.max(1, Math.floor(scroll.clientHeight / (diskHeight + rowPadding)) - 1)
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#nodes.length - 1,
    }[event.key]
    if (to !== undefined) {
      const node = this.#nodes[Math.min(this.#nodes.length - 1, Math.max(0, to))]
      if (node) this.#moveTo(node.name, true)
    } else if (event.key === ' ' || event.key === 'Enter') {
      if (event.target instanceof HTMLInputElement && event.key === ' ') return
      this.#choices.set(this.#current, !this.#choices.has(this.#current))
    } else return
    event.preventDefault()
  }

  /**
   * @param {string} name
   * @param {boolean} focuses
   */
  #moveTo(name, focuses) {
    if (name === this.#current && !focuses) return
    const before = this.#drawn.get(this.#current)
    if (before) before.element.tabIndex = -1
    this.#current = name
    const index = this.#nodes.findIndex((node) => node.name === name)
    if (index < 0) return
    const [top = 0, end = 0] = this.#tops.slice(index, index + 2)
    if (focuses) {
      if (top < scroll.scrollTop) scroll.scrollTop = top
      else if (end > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = end - scroll.clientHeight
    }
    this.#draw()
    if (focuses) this.#drawn.get(name)?.element.focus({ preventScroll: true })
  }
}
