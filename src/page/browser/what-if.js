/** @import { WhatIf } from '../what-if.ts' */
import { byId, make, setText } from './dom.js'

const verdictsPlace = byId('what-if-verdicts', HTMLElement)
const orderPlace = byId('what-if-order', HTMLElement)
const news = byId('what-if-news', HTMLElement)
const none = byId('what-if-none', HTMLElement)
const choice = byId('what-if-choice', HTMLElement)
const names = byId('what-if-names', HTMLElement)
const chooseNone = byId('what-if-clear', HTMLButtonElement)

/** A plan for more takes too long; the server refuses it too. */
const mostNodes = 50

/** The answer is asked for again so often, in milliseconds: the cluster changes, and ages count on. */
const refreshMs = 3_000

/** The nodes that a person has chosen, and what would happen if they were evicted. */
export class WhatIfView {
  /** @type {Set<string>} */
  #chosen = new Set()
  #changed
  #asked = 0
  /** True until the answer to the latest question has come. */
  #isAsking = false
  #askAgainAt = 0
  /** The content of each place, so that the same content stays as it is. @type {Map<HTMLElement, string>} */
  #shown = new Map()

  /** @param {() => void} changed called when the choice is another */
  constructor(changed) {
    this.#changed = changed
    chooseNone.addEventListener('click', () => {
      this.#chosen.clear()
      this.#choose()
    })
  }

  /** @param {string} name */
  has(name) {
    return this.#chosen.has(name)
  }

  /**
   * @param {string} name
   * @param {boolean} chosen
   */
  set(name, chosen) {
    if (chosen) this.#chosen.add(name)
    else this.#chosen.delete(name)
    this.#choose()
  }

  /** Nodes that are gone are chosen no longer. @param {(name: string) => boolean} isThere */
  keepOnly(isThere) {
    const gone = [...this.#chosen].filter((name) => !isThere(name))
    if (gone.length === 0) return
    for (const name of gone) this.#chosen.delete(name)
    this.#choose()
  }

  /** Asks again from time to time, unless the tab is in the background. */
  refresh() {
    // Another question meanwhile would make the answer an old one.
    if (this.#chosen.size === 0 || this.#isAsking || document.hidden) return
    if (performance.now() >= this.#askAgainAt) void this.#ask()
  }

  #choose() {
    none.hidden = this.#chosen.size > 0
    choice.hidden = this.#chosen.size === 0
    setText(names, `Chosen: ${[...this.#chosen].join(', ')}`)
    this.#changed()
    void this.#ask()
  }

  /** Never rejects. */
  async #ask() {
    const asked = ++this.#asked
    this.#askAgainAt = performance.now() + refreshMs
    this.#isAsking = false
    const chosen = [...this.#chosen]
    if (chosen.length === 0) return this.#say('')
    if (chosen.length > mostNodes) return this.#say(`Choose ${mostNodes} nodes at most.`)
    this.#isAsking = true
    try {
      const query = new URLSearchParams(chosen.map((name) => ['node', name]))
      const response = await fetch(`../api/v1/what-if?${query}`)
      const answer = await response.json()
      // Another choice was made meanwhile.
      if (asked !== this.#asked) return
      if (response.ok) this.#show(answer)
      else this.#refused(String(answer.error), Number(response.headers.get('retry-after')))
    } catch {
      if (asked === this.#asked) this.#say('Holdfast does not answer. The page asks again by itself.')
    } finally {
      if (asked === this.#asked) this.#isAsking = false
    }
  }

  /**
   * @param {string} why
   * @param {number} retryAfter in seconds; 0 if the server says none
   */
  #refused(why, retryAfter) {
    this.#askAgainAt = performance.now() + Math.max(refreshMs, retryAfter * 1_000)
    this.#say(why)
  }

  /** @param {string} text */
  #say(text) {
    setText(news, text)
    this.#put(verdictsPlace, text, () => (text === '' ? [] : [make('p', {}, text)]))
    this.#put(orderPlace, '', () => [])
  }

  /** @param {WhatIf} answer */
  #show({ verdicts, plan, commands }) {
    const order = orderWords(plan)
    setText(
      news,
      [...verdicts.map(({ node, decision }) => `${node} ${decisionWords[decision]}`), order].join('. '),
    )
    this.#put(verdictsPlace, JSON.stringify(verdicts), () => [make('ul', {}, ...verdicts.map(verdictOf))])
    this.#put(orderPlace, JSON.stringify([plan, commands]), () => [
      make('p', {}, order),
      ...listOf(plan.possible ? plan.batches.map(batchWords) : plan.problems),
      ...copyable(commands),
    ])
  }

  /**
   * The same content stays as it is, and so does a keyboard that is on it.
   *
   * @param {HTMLElement} place
   * @param {string} key
   * @param {() => Node[]} content
   */
  #put(place, key, content) {
    if (key === (this.#shown.get(place) ?? '')) return
    this.#shown.set(place, key)
    place.replaceChildren(...content())
  }
}

const decisionWords = {
  admitted: 'would be admitted now',
  waits: 'would have to wait',
  denied: 'would be denied',
}
const decisionSigns = { admitted: '✓', waits: '◔', denied: '✕' }

/** @param {WhatIf['verdicts'][number]} verdict */
function verdictOf({ node, decision, findings }) {
  return make(
    'li',
    { class: `decision ${decision}` },
    make('strong', {}, `${decisionSigns[decision]} ${node} ${decisionWords[decision]}`),
    ...findings.map(({ message, rule }) => make('div', { class: 'quiet' }, `${message} (rule ${rule})`)),
  )
}

/** @param {WhatIf['plan']} plan */
function orderWords({ possible, tooMuch, batches }) {
  if (tooMuch) return 'Planning takes too long here. Run this command:'
  if (!possible) return 'There is no order in which every image keeps its copies:'
  return batches.length === 1
    ? 'They can be emptied together:'
    : `They can be emptied in ${batches.length} batches:`
}

/** @param {WhatIf['plan']['batches'][number]} batch */
function batchWords({ nodes, images }) {
  const moves = images.length === 0 ? 'no backing image moves' : `copies of ${images.join(', ')} move`
  return `${nodes.join(', ')}: ${moves}`
}

/** @param {readonly string[]} texts */
function listOf(texts) {
  return texts.length === 0 ? [] : [make('ol', {}, ...texts.map((text) => make('li', {}, text)))]
}

/** @param {readonly string[]} commands */
function copyable(commands) {
  if (commands.length === 0) return []
  const text = commands.join('\n')
  const code = make('pre', { tabindex: '0', 'aria-label': 'Commands' }, text)
  const button = make('button', { type: 'button' }, 'Copy the commands')
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(text).then(
      () => (button.textContent = 'Copied'),
      // Without the right to write there, a person copies by hand.
      () => getSelection()?.selectAllChildren(code),
    )
  })
  return [code, button]
}
