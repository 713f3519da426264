/** @import { WhatIf } from '../what-if.ts' */
import { byId, make } from './dom.js'

const place = byId('what-if', HTMLElement)
const none = byId('what-if-none', HTMLElement)

/** A plan for more takes too long; the server says so too. */
const mostNodes = 50

/** Whoever looks at it sees what has changed after so long, in milliseconds. */
const refreshMs = 3_000

/** The nodes that a person has chosen, and what would happen if they were evicted. */
export class WhatIfView {
  /** @type {Set<string>} */
  #chosen = new Set()
  #changed
  #asked = 0
  #askedAt = 0
  #shown = ''

  /** @param {() => void} changed called when the choice is another */
  constructor(changed) {
    this.#changed = changed
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
    this.#changed()
    void this.ask()
  }

  /** Asks again, since the cluster may have changed; not too often. */
  refresh() {
    if (this.#chosen.size > 0 && performance.now() - this.#askedAt > refreshMs) void this.ask()
  }

  /** Never rejects. */
  async ask() {
    const asked = ++this.#asked
    this.#askedAt = performance.now()
    const names = [...this.#chosen]
    none.hidden = names.length > 0
    if (names.length === 0) return this.#put('')
    if (names.length > mostNodes) return this.#say(`Choose ${mostNodes} nodes at most.`)
    try {
      const query = new URLSearchParams(names.map((name) => ['node', name]))
      const response = await fetch(`../api/v1/what-if?${query}`)
      const answer = await response.json()
      // Another choice was made meanwhile.
      if (asked !== this.#asked) return
      if (response.ok) this.#show(answer)
      else this.#say(String(answer.error))
    } catch {
      if (asked === this.#asked) this.#say('The guard does not answer. Choose again once the page is live.')
    }
  }

  /** @param {string} text */
  #say(text) {
    this.#put(text, make('p', {}, text))
  }

  /** What is the same stays as it is: a screen reader would say it again. @param {string} key @param {...Node} content */
  #put(key, ...content) {
    if (key === this.#shown) return
    this.#shown = key
    place.replaceChildren(...content)
  }

  /** @param {WhatIf} answer */
  #show(answer) {
    const { verdicts, plan, commands } = answer
    this.#put(
      JSON.stringify(answer),
      make(
        'ul',
        {},
        ...verdicts.map(({ node, decision, findings }) =>
          make(
            'li',
            { class: `decision ${decision}` },
            make('strong', {}, `${decisionSigns[decision]} ${node} ${decisionWords[decision]}`),
            ...findings.map(({ message, rule }) =>
              make('div', { class: 'quiet' }, `${message} (rule ${rule})`),
            ),
          ),
        ),
      ),
      ...(plan.possible
        ? orderOf(plan, commands)
        : [make('p', {}, 'There is no order in which every image keeps its copies:'), listOf(plan.problems)]),
    )
  }
}

const decisionWords = {
  admitted: 'would be admitted now',
  waits: 'would have to wait',
  denied: 'would be denied',
}
const decisionSigns = { admitted: '✓', waits: '◔', denied: '✕' }

/**
 * @param {WhatIf['plan']} plan
 * @param {readonly string[]} commands
 */
function orderOf({ batches }, commands) {
  const text = commands.join('\n')
  const code = make('pre', { tabindex: '0', 'aria-label': 'Commands' }, text)
  const button = make('button', { type: 'button' }, 'Copy the commands')
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(text).then(
      () => (button.textContent = 'Copied'),
      // Without the right to, a person copies by hand.
      () => getSelection()?.selectAllChildren(code),
    )
  })
  return [
    make(
      'p',
      {},
      batches.length === 1
        ? 'They can be emptied together:'
        : `They can be emptied in ${batches.length} batches:`,
    ),
    listOf(
      batches.map(
        ({ nodes, images }) =>
          `${nodes.join(', ')}: ${images.length === 0 ? 'no backing image moves' : `copies of ${images.join(', ')} move`}`,
      ),
    ),
    code,
    button,
  ]
}

/** @param {readonly string[]} texts */
function listOf(texts) {
  return make('ol', {}, ...texts.map((text) => make('li', {}, text)))
}
