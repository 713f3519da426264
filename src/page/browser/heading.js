/** @import { Connection } from './connection.js' */
/** @import { Model } from './model.js' */
import { byId, make, setText } from './dom.js'
import { counted, lasting } from './words.js'

const release = byId('release', HTMLElement)
const guard = byId('guard', HTMLElement)
const link = byId('link', HTMLElement)
const linkSign = byId('link-sign', HTMLElement)
const linkText = byId('link-text', HTMLElement)
const problems = byId('problems', HTMLElement)

/** So many nodes in danger are named. */
const named = 5

/**
 * The heading, and above all what is wrong: stale knowledge, and nodes in danger.
 *
 * @param {Model} model
 * @param {Connection} connection
 */
export function showHeading(model, connection) {
  showLink(connection)
  const { state } = model
  if (state) {
    const { longhorn, guard: guards } = state
    setText(
      release,
      `Longhorn ${longhorn.release ?? 'of an unknown release'}: ${longhorn.words}${longhorn.assumed ? ' (assumed, since Holdfast does not know the release)' : ''}`,
    )
    const mode = guards.mode === null ? '' : `, mode ${guards.mode}`
    const count = guards.replicas.length === 0 ? 'no guard' : counted(guards.replicas.length, 'replica')
    setText(guard, `Guard: ${count}${mode} · map ${ageOfMap(state, connection)}`)
  }
  showProblems(problemsOf(model, connection))
  document.title = titleOf(model, connection)
}

/** @param {Connection} connection */
function showLink(connection) {
  const { isLive } = connection
  link.classList.toggle('live', isLive)
  setText(linkSign, isLive ? '●' : '○')
  setText(linkText, isLive ? 'live' : 'not connected')
}

/**
 * @param {NonNullable<Model['state']>} state
 * @param {Connection} connection
 */
function ageOfMap({ currentAt }, connection) {
  return currentAt === null ? 'not read yet' : `${lasting(connection.now - currentAt)} old`
}

/**
 * @param {Model} model
 * @param {Connection} connection
 * @returns {{ kind: 'danger' | 'stale', text: string }[]}
 */
function problemsOf({ state, nodes }, connection) {
  /** @type {{ kind: 'danger' | 'stale', text: string }[]} */
  const found = []
  if (!connection.isLive)
    found.push({
      kind: 'stale',
      text: `Stale: nothing was heard for a while${state ? ', so what is shown may be old' : ''}. It tries again by itself.`,
    })
  if (!state) return found
  const endangered = nodes.filter((node) => node.state === 'danger').map(({ name }) => name)
  if (endangered.length > 0) {
    const more = endangered.length > named ? ` and ${endangered.length - named} more` : ''
    found.push({
      kind: 'danger',
      text: `Danger on ${endangered.slice(0, named).join(', ')}${more}: an eviction flag and a pending clean-up have met, and the longhorn-manager crashes. Clear the flags of the node and of its disks: no write that clears a flag is ever stopped.`,
    })
  }
  const { map, guard: guards, currentAt } = state
  if (guards.problem !== null) found.push({ kind: 'stale', text: guards.problem })
  if (!map.synced)
    found.push({
      kind: 'stale',
      text: 'Not every Longhorn object is read yet, so nodes and copies may be missing.',
    })
  else if (connection.isLive && currentAt !== null && connection.now - currentAt > map.staleAfterMs)
    found.push({ kind: 'stale', text: 'Stale: the API server is silent, so nodes and copies may be old.' })
  if (map.unreadable > 0)
    found.push({
      kind: 'stale',
      text: `${counted(map.unreadable, 'Longhorn object')} cannot be read, so what is shown may lack it.`,
    })
  return found
}

let shown = ''

/** @param {{ kind: 'danger' | 'stale', text: string }[]} found */
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

/**
 * @param {Model} model
 * @param {Connection} connection
 */
function titleOf({ state, nodes }, connection) {
  if (nodes[0]?.state === 'danger') return 'Danger – Holdfast'
  if (!connection.isLive) return 'Stale – Holdfast'
  const waiting = state?.waiting.length ?? 0
  return waiting > 0 ? `${waiting} waiting – Holdfast` : 'Holdfast'
}
