/** @import { CopyView, DiskView, NodeView } from '../state-schema.ts' */
import { make } from './dom.js'
import { copyWords, counted, flagWords, lasting, schedulingWords, signs } from './words.js'

/** So many disks of one node are drawn; those with something to say come first if there are more. */
export const mostDisks = 60

/** So many copies of one disk are drawn. */
const mostCopies = 4

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
 * The cells of a node, in the order of the headings.
 *
 * @param {NodeView} node
 * @param {{ now: number, isChosen: boolean, choose: (name: string, chosen: boolean) => void }} how
 * @returns {HTMLElement[]}
 */
export function cellsOf(node, { now, isChosen, choose }) {
  const box = make('input', {
    type: 'checkbox',
    tabindex: '-1',
    'aria-label': `What if I evict ${node.name}`,
  })
  box.checked = isChosen
  box.addEventListener('change', () => choose(node.name, box.checked))
  const flag = flagWords(node)
  const notes = [flag, node.reserved > 0 ? counted(node.reserved, 'change') + ' under way' : ''].filter(
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
    make('div', { role: 'gridcell', class: 'disks' }, ...disksOf(node, now)),
  ]
}

/**
 * @param {NodeView} node
 * @param {number} now
 */
function disksOf({ disks }, now) {
  if (disks.length === 0) return [make('span', { class: 'quiet' }, 'no disk')]
  if (disks.length <= mostDisks) return disks.map((disk) => diskOf(disk, now))
  const most = disks.toSorted((one, other) => interest(other) - interest(one)).slice(0, mostDisks - 1)
  const more = make('div', { class: 'disk quiet' }, `and ${disks.length - most.length} more disks`)
  return [...most.map((disk) => diskOf(disk, now)), more]
}

/** @param {DiskView} disk */
function interest({ copies, evictionRequested }) {
  const notReady = copies.filter(({ look }) => look !== 'ready').length
  return notReady * 1_000 + (evictionRequested ? 500 : 0) + copies.length
}

/**
 * @param {DiskView} disk
 * @param {number} now
 */
function diskOf({ name, path, uuid, scheduling, evictionRequested, managerState, copies }, now) {
  const notes = [
    evictionRequested ? '⚑ evicted' : '',
    scheduling ? '' : 'closed',
    uuid === null ? 'not seen by Longhorn yet' : '',
    managerState === null || managerState === 'running' ? '' : `manager ${managerState}`,
  ].filter(Boolean)
  const shown = copies.length > mostCopies ? worstFirst(copies).slice(0, mostCopies - 1) : copies
  const more = copies.length - shown.length
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
      ...(more > 0 ? [make('span', { class: 'quiet' }, `+${more}`)] : []),
    ),
  )
}

const looks = Object.keys(signs)

/** @param {readonly CopyView[]} copies */
function worstFirst(copies) {
  return copies.toSorted((one, other) => looks.indexOf(other.look) - looks.indexOf(one.look))
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
