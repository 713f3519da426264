/** @import { AuditRecord } from '../../observability/audit-record.ts' */
/** @import { Model } from './model.js' */
import { byId, make } from './dom.js'
import { recordWords, timeWords, verdicts } from './words.js'

const list = byId('decisions', HTMLElement)
const none = byId('decisions-none', HTMLElement)
const filter = byId('decisions-filter', HTMLInputElement)
const verdictFilter = byId('decisions-verdict', HTMLSelectElement)

/** The document has so many at most; a filter finds those before them. */
const mostShown = 100

/** The decisions, the newest first, each with its reason. */
export class DecisionsView {
  #model
  /** @type {Map<AuditRecord, HTMLElement>} */
  #items = new Map()
  /** The record that the address names, once it was opened. */
  #opened = ''

  /** @param {Model} model */
  constructor(model) {
    this.#model = model
    filter.addEventListener('input', () => this.show())
    verdictFilter.addEventListener('change', () => this.show())
    addEventListener('hashchange', () => {
      this.#opened = ''
      this.#openLinked()
    })
  }

  show() {
    const records = this.#model.records.filter(isWanted).slice(0, mostShown)
    const before = this.#items
    this.#items = new Map(records.map((record) => [record, before.get(record) ?? itemOf(record)]))
    for (const [record, item] of before) if (!this.#items.has(record)) item.remove()
    // An element that is there already is not touched, so an open record stays open.
    let next = list.firstElementChild
    for (const item of this.#items.values()) {
      if (item === next) next = next.nextElementSibling
      else list.insertBefore(item, next)
    }
    none.hidden = records.length > 0
    none.textContent =
      this.#model.records.length > 0 ? 'No record matches the filter.' : 'No decision is on record yet.'
    this.#openLinked()
  }

  /** `#record-UID` in the address leads to the record. */
  #openLinked() {
    const id = linkedId()
    if (!id.startsWith('record-') || id === this.#opened) return
    const details = document.getElementById(id)?.querySelector('details')
    if (!details) return
    this.#opened = id
    details.open = true
    details.scrollIntoView({ block: 'nearest' })
  }
}

/** The end of the address; empty if it is malformed, as in a link that was cut. */
function linkedId() {
  try {
    return decodeURIComponent(location.hash.slice(1))
  } catch {
    return ''
  }
}

/** @param {AuditRecord} record */
function isWanted(record) {
  const verdict = verdictFilter.value
  if (verdict === 'override' ? record.override === undefined : verdict !== '' && record.verdict !== verdict)
    return false
  const wanted = filter.value.trim().toLowerCase()
  return wanted === '' || JSON.stringify(record).toLowerCase().includes(wanted)
}

/** @param {AuditRecord} record */
function itemOf(record) {
  const { time, uid, actor, door, verdict, findings, why, override, count, dryRun, replica } = record
  const { word, sign } = verdicts[verdict]
  const rule = findings[0]?.rule
  const facts = [
    why === undefined ? '' : `Not judged: ${why}`,
    override === undefined ? '' : `Override: ${override.reason}`,
    count > 1 ? `${count} times` : '',
  ].filter(Boolean)
  return make(
    'li',
    { id: `record-${uid}` },
    make(
      'details',
      {},
      make(
        'summary',
        {},
        make('time', { datetime: time }, timeWords(time)),
        make(
          'span',
          { class: `verdict ${verdict}` },
          make('span', { 'aria-hidden': 'true' }, `${sign} `),
          dryRun ? `${word}, dry run` : word,
        ),
        make('span', { class: 'words' }, recordWords(record)),
        make('span', { class: 'quiet' }, `${actor.user}${rule === undefined ? '' : ` · ${rule}`}`),
      ),
      ...findings.map(({ rule, message, clears }) =>
        make(
          'div',
          { class: 'finding' },
          make('p', {}, message),
          make('p', {}, `Next: ${clears}`),
          make('p', { class: 'quiet' }, `rule ${rule}`),
        ),
      ),
      ...facts.map((text) => make('p', {}, text)),
      make(
        'p',
        { class: 'quiet' },
        `${record.operation} of ${record.object.kind} ${record.object.name} · ${door} · ${replica} · `,
        make('a', { href: `#record-${encodeURIComponent(uid)}` }, uid),
      ),
    ),
  )
}
