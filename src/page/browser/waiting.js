/** @import { WaitingView } from '../state-schema.ts' */
import { byId, make, setText } from './dom.js'
import { counted, lasting } from './words.js'

const list = byId('waiting', HTMLElement)
const none = byId('waiting-none', HTMLElement)
const title = byId('waiting-title', HTMLElement)
const news = byId('news', HTMLElement)

/** @type {Map<string, { item: HTMLElement, view: WaitingView, update: (view: WaitingView, now: number) => void }>} */
const shown = new Map()

/**
 * The changes that wait, the longest first. Each keeps its place and its element, so that a screen reader speaks only of
 * changes that begin to wait, and of those that no longer do.
 *
 * @param {readonly WaitingView[]} waiting
 * @param {number} now
 */
export function showWaiting(waiting, now) {
  const ids = new Set(waiting.map(({ id }) => id))
  for (const [id, { item, view }] of shown) {
    if (ids.has(id)) continue
    item.remove()
    shown.delete(id)
    setText(news, `${view.doing}, asked by ${view.user}, no longer waits.`)
  }
  for (const view of waiting) {
    const known = shown.get(view.id) ?? begin(view)
    known.view = view
    known.update(view, now)
  }
  setText(title, waiting.length === 0 ? 'Waiting now' : `Waiting now (${waiting.length})`)
  none.hidden = waiting.length > 0
}

/** Longhorn's UI sends a click once. @param {WaitingView} view */
function retrying({ user, door }) {
  return door === 'proxy-longhorn' ? `${user} has to try again` : 'the client retries'
}

/** @param {WaitingView} view */
function begin(view) {
  const doing = make('strong')
  const who = make('span', { class: 'quiet' })
  const causes = make('div')
  const left = make('span', { class: 'quiet' })
  const item = make('li', {}, make('div', {}, doing, ' ', who), causes, left)
  const update = (/** @type {WaitingView} */ now, /** @type {number} */ at) => {
    setText(doing, now.doing)
    setText(who, `asked by ${now.user} (${now.door}), waits for ${lasting(at - now.since)}`)
    const texts = now.causes.map(
      ({ found, rule, progress }) => `${found}${progress === null ? '' : `, ${progress} %`} · rule ${rule}`,
    )
    if (now.moreCauses > 0) texts.push(`and ${counted(now.moreCauses, 'more cause')}`)
    if (causes.childElementCount !== texts.length) causes.replaceChildren(...texts.map(() => make('div')))
    for (const [index, text] of texts.entries()) {
      const line = causes.children.item(index)
      if (line) setText(line, text)
    }
    setText(
      left,
      `Holdfast answers within ${lasting(now.until - at)}. If it still has to wait then, ${retrying(now)}.`,
    )
  }
  list.append(item)
  const known = { item, view, update }
  shown.set(view.id, known)
  setText(news, `${view.doing}, asked by ${view.user}, waits.`)
  return known
}
