/** @import { CopyView, DiskView, NodeView } from '../state-schema.ts' */
import { make } from './dom.js'
import { copyWords, counted, flagWords, lasting, schedulingWords, signs } from './words.js'

/** A row has so many disks at most. If a node has more, those that need attention come first. */
export const mostDisks = 60

/** The sign of each state of a node, besides its colour. */
const stateSigns = /** @type {const} */ ({
  danger: '⚠',
  flagged: '⚑',
  'cleaning up': '◌',
  down: '✕',
  settling: '…',
  ok: '✓',
})

/**
 * How a row is drawn. `wanted` is the text of the filter. A disk shows as many copies as `copies`, and the number of the others.
 *
 * @typedef {{ now: number, isChosen: boolean, choose: (name: string, chosen: boolean) => void, wanted: string, copies: number }} How
 */

/**
 * The cells of a node, in the order of the headings.
 *
 * @param {NodeView} node
 * @param {How} how
 * @returns {HTMLElement[]}
 */
export function cellsOf(node, how) {
  const { isChosen, choose } = how
  const box = make('input', {
    type: 'checkbox',
    tabindex: '-1',
    'aria-label': `What if I evict ${node.name}`,
  })
  box.checked = isChosen
  box.addEventListener('change', () => choose(node.name, box.checked))
  const flags = [flagWords(node), node.noted ? 'flags noted' : ''].filter(Boolean).join(', ')
  const notes = [flags, node.reserved > 0 ? counted(node.reserved, 'change') + ' under way' : ''].filter(
    Boolean,
  )
  return [
    make('span', { role: 'gridcell' }, box),
    make('span', { role: 'gridcell', class: 'name', title: node.name }, node.name),
    make(
      'span',
      { role: 'gridcell', class: `state ${node.state.replace(' ', '-')}` },
      make('span', {}, make('span', { 'aria-hidden': 'true' }, `${stateSigns[node.state]} `), node.state),
      ...notes.map((text) => make('small', {}, text)),
    ),
    make('span', { role: 'gridcell', class: 'scheduling' }, schedulingWords(node)),
    make('div', { role: 'gridcell', class: 'disks' }, ...disksOf(node, how)),
  ]
}

/**
 * @param {NodeView} node
 * @param {How} how
 */
function disksOf({ disks }, how) {
  if (disks.length === 0) return [make('span', { class: 'quiet' }, 'no disk')]
  if (disks.length <= mostDisks) return disks.map((disk) => diskOf(disk, how))
  const most = disks.toSorted((one, other) => interest(other) - interest(one)).slice(0, mostDisks - 1)
  const more = make('div', { class: 'disk quiet' }, `and ${disks.length - most.length} more disks`)
  return [...most.map((disk) => diskOf(disk, how)), more]
}

/** @param {DiskView} disk */
function interest({ copies, evictionRequested }) {
  const notReady = copies.filter(({ look }) => look !== 'ready').length
  return notReady * 1_000 + (evictionRequested ? 500 : 0) + copies.length
}

/**
 * @param {DiskView} disk
 * @param {How} how
 */
function diskOf(disk, { now, wanted, copies: most }) {
  const { name, path, uuid, scheduling, evictionRequested, managerState, copies } = disk
  const notes = [
    evictionRequested ? '⚑ evicted' : '',
    scheduling ? '' : 'closed',
    uuid === null ? 'not seen by Longhorn yet' : '',
    managerState === null || managerState === 'running' ? '' : `manager ${managerState}`,
  ].filter(Boolean)
  const inOrder = copies.length > most ? importantFirst(copies, wanted) : copies
  const shown = inOrder.slice(0, most)
  const others = inOrder.slice(shown.length).map(({ image }) => image)
  return make(
    'div',
    { class: 'disk', title: `${name} (${path})${uuid === null ? '' : `, UUID ${uuid}`}` },
    make(
      'div',
      { class: 'disk-name' },
      name,
      make('small', {}, ` ${notes.length > 0 ? notes.join(', ') : path}`),
    ),
    make(
      'div',
      { class: 'chips' },
      ...(copies.length === 0
        ? [make('span', { class: 'quiet' }, 'no copy')]
        : shown.map((copy) => chipOf(copy, now))),
      ...(others.length > 0 ? [moreOf(others)] : []),
    ),
  )
}

const looks = Object.keys(signs)

/**
 * Copies that match the filter come first, and then those that need attention.
 *
 * @param {readonly CopyView[]} copies
 * @param {string} wanted
 */
function importantFirst(copies, wanted) {
  const isWanted = (/** @type {CopyView} */ { image }) =>
    wanted !== '' && image.toLowerCase().includes(wanted)
  return copies.toSorted(
    (one, other) =>
      Number(isWanted(other)) - Number(isWanted(one)) || looks.indexOf(other.look) - looks.indexOf(one.look),
  )
}

/** @param {readonly string[]} images copies for which there is no room */
function moreOf(images) {
  const words = `${images.length} more copies: ${images.join(', ')}`
  return make(
    'span',
    { class: 'quiet', title: words },
    make('span', { 'aria-hidden': 'true' }, `+${images.length}`),
    make('span', { class: 'unseen' }, words),
  )
}

/**
 * @param {CopyView} copy
 * @param {number} now
 */
function chipOf(copy, now) {
  const { image, look, progress, since, replicas, last } = copy
  const words = copyWords(copy, now)
  const chip = make('span', { class: `chip ${look.split(' ')[0]}`, title: words })
  const seen = make('span', { 'aria-hidden': 'true' }, make('b', {}, signs[look]), ` ${image}`)
  if (progress !== null) seen.append(` ${progress} %`)
  if (since !== null) seen.append(' ', make('time', { 'data-since': String(since) }, lasting(now - since)))
  if (replicas > 0) seen.append(` ⛁${replicas}`)
  if (last) seen.append(' ★')
  chip.append(seen, make('span', { class: 'unseen' }, words))
  return chip
}
