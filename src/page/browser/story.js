/** @import { StoryLine } from '../story.ts' */
import { byId, make } from './dom.js'

const section = byId('story', HTMLElement)
const place = byId('story-lines', HTMLElement)

const signs = { title: '', plain: '', good: '✓ ', bad: '✗ ', quote: '' }

/**
 * The story of the embedded cluster, line by line. Lines that are there already stay as they are.
 *
 * @param {readonly StoryLine[]} lines
 */
export function showStory(lines) {
  section.hidden = lines.length === 0
  const follows = place.scrollTop + place.clientHeight > place.scrollHeight - 30
  if (place.childElementCount > lines.length) place.replaceChildren()
  place.append(
    ...lines
      .slice(place.childElementCount)
      .map(({ tone, text }) => make('p', { class: tone }, `${signs[tone]}${text}`)),
  )
  if (follows) place.scrollTop = place.scrollHeight
}
