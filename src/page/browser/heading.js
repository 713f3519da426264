/** @import { Connection } from './connection.js' */
/** @import { Model } from './model.js' */
import { byId, make, setText } from './dom.js'
import { notedWords } from './noted.js'
import { counted, lasting } from './words.js'

const source = byId('source', HTMLElement)
const release = byId('release', HTMLElement)
const guard = byId('guard', HTMLElement)
const heard = byId('heard', HTMLElement)
const link = byId('link', HTMLElement)
const linkSign = byId('link-sign', HTMLElement)
const linkText = byId('link-text', HTMLElement)
const problems = byId('problems', HTMLElement)

/** The band names so many nodes in danger. */
const named = 5

/**
 * The heading, and above all else the problems: stale knowledge, and nodes in danger.
 *
 * @param {Model} model
 * @param {Connection} connection
 */
export function showHeading(model, connection) {
  showLink(connection)
  const { state } = model
  if (state) {
    const { longhorn, source: seen } = state
    setText(source, seen ? `${seen.name}, namespace ${seen.namespace}` : '')
    setText(
      release,
      `Longhorn ${longhorn.release ?? 'of an unknown release'}: ${longhorn.words}${longhorn.assumed ? ' (assumed, since Holdfast does not know the release)' : ''}`,
    )
    setText(guard, guardWords(state.guard))
    setText(heard, heardWords(state, connection))
  }
  showProblems(problemsOf(model, connection))
  showTitle(model, connection)
}

/**
 * The title, which is all that a person sees of a tab in the background.
 *
 * @param {Model} model
 * @param {Connection} connection
 */
export function showTitle({ state, nodes }, connection) {
  const waiting = state?.waiting.length ?? 0
  const news =
    nodes[0]?.state === 'danger'
      ? 'Danger'
      : !connection.isLive
        ? 'Stale'
        : waiting > 0
          ? `${waiting} waiting`
          : ''
  const title = [news, state?.source?.name ?? '', 'Holdfast'].filter(Boolean).join(' – ')
  if (document.title !== title) document.title = title
}

/** @param {Connection} connection */
function showLink(connection) {
  const { isLive } = connection
  link.classList.toggle('live', isLive)
  setText(linkSign, isLive ? '●' : '○')
  setText(linkText, isLive ? 'live' : 'not connected')
}

/** @param {NonNullable<Model['state']>['guard']} guard */
function guardWords({ replicas, mode }) {
  if (replicas.length === 0) return 'Guard: no replica answers'
  const unready = replicas.filter(({ synced }) => !synced).length
  return [
    `Guard: ${counted(replicas.length, 'replica')}`,
    unready > 0 ? `${unready} not ready` : '',
    mode === null ? '' : `mode ${mode}`,
  ]
    .filter(Boolean)
    .join(', ')
}

/**
 * @param {NonNullable<Model['state']>} state
 * @param {Connection} connection
 */
function heardWords({ currentAt }, connection) {
  return currentAt === null
    ? 'Longhorn’s objects are not read yet'
    : `API server heard ${lasting(connection.now - currentAt)} ago`
}

/** @typedef {{ kind: 'danger' | 'noted' | 'stale', text: string }} Problem */

/**
 * @param {Model} model
 * @param {Connection} connection
 * @returns {Problem[]}
 */
function problemsOf({ state, nodes }, connection) {
  /** @type {Problem[]} */
  const found = []
  const stale = (/** @type {string} */ text) => void found.push({ kind: 'stale', text })
  const endangered = nodes.filter((node) => node.state === 'danger').map(({ name }) => name)
  if (endangered.length > 0)
    found.push({ kind: 'danger', text: dangerWords(endangered, state?.source?.flags ?? '') })
  if (!connection.isLive)
    stale(
      `Stale: this page gets no news${state ? ', so it may show an old state' : ''}. It connects again by itself. ${connection.refusal}`,
    )
  if (!state) return found
  for (const text of notedWords(nodes, state.source?.flags ?? '')) found.push({ kind: 'noted', text })
  if (state.imagesNowhere.length > 0)
    found.push({ kind: 'noted', text: nowhereWords(state.imagesNowhere, state.source?.flags ?? '') })
  const { map, guard: guards, currentAt } = state
  if (guards.problem !== null) stale(guards.problem)
  if (!map.synced) stale('Not every Longhorn object is read yet, so nodes and copies may be missing.')
  else if (map.outage) stale(`Stale: nodes and copies may be old. ${map.outage}`)
  else if (connection.isLive && currentAt !== null && connection.now - currentAt > map.staleAfterMs)
    stale('Stale: the API server is silent, so nodes and copies may be old.')
  if (map.unreadable > 0)
    stale(
      `Holdfast cannot read ${counted(map.unreadable, 'Longhorn object')}, so something may be missing here.`,
    )
  return found
}

/**
 * @param {readonly string[]} images
 * @param {string} flags
 */
function nowhereWords(images, flags) {
  const more = images.length > named ? ` and ${images.length - named} more` : ''
  const command = ['holdfast doctor', flags].filter(Boolean).join(' ')
  return `No usable copy is on a disk that a node has and that is not lost, of: ${images.slice(0, named).join(', ')}${more}. What to do: ${command}`
}

/**
 * @param {readonly string[]} nodes
 * @param {string} flags
 */
function dangerWords(nodes, flags) {
  const shown = nodes.slice(0, named)
  const more = nodes.length > named ? ` and ${nodes.length - named} more` : ''
  const command = ['holdfast rescue', ...(more === '' ? shown : []), flags].filter(Boolean).join(' ')
  return `Danger on ${shown.join(', ')}${more}: an eviction flag and a pending clean-up have met, so the longhorn-manager crashes. To end this, clear the flags of the node and of its disks, or run: ${command}`
}

let shown = ''

/** @param {readonly Problem[]} found */
function showProblems(found) {
  const now = JSON.stringify(found)
  if (now === shown) return
  shown = now
  problems.replaceChildren(
    ...found.map(({ kind, text }) =>
      make(
        'p',
        { class: `problem ${kind}` },
        make('span', { 'aria-hidden': 'true' }, kind === 'danger' ? '⚠ ' : '! '),
        text,
      ),
    ),
  )
}
