/** @import { Trend, TrendPoint } from '../trend.ts' */
import { byId, make, makeSvg } from './dom.js'
import { counted, lasting } from './words.js'

const place = byId('trend', HTMLElement)

/** The steps are grouped into so many bars. */
const bars = 60
const height = 40
const width = 6

/**
 * The last hour, a bar a minute. The words beside each chart say the same as its bars.
 *
 * @param {Trend} trend
 */
export function showTrend({ stepMs, points }) {
  const perBar = Math.max(1, Math.round(3_600_000 / stepMs / bars))
  const groups = groupsOf(points, perBar)
  if (points.length === 0) {
    const words = `No guard has counted yet. It counts in steps of ${lasting(stepMs)}.`
    place.replaceChildren(make('p', { class: 'quiet' }, words))
    return
  }
  const since = `in the last ${lasting(points.length * stepMs)}`
  const most = (/** @type {(point: TrendPoint) => number} */ of) => Math.max(0, ...points.map(of))
  const sum = (/** @type {(point: TrendPoint) => number} */ of) =>
    points.reduce((all, point) => all + of(point), 0)
  place.replaceChildren(
    chart(
      'pending',
      `${counted(
        most(({ pending }) => pending),
        'clean-up',
      )} pending at most`,
      groups.map((group) => Math.max(...group.map(({ pending }) => pending))),
    ),
    chart(
      'holds',
      `${counted(
        most(({ holds }) => holds),
        'request',
      )} waiting at most`,
      groups.map((group) => Math.max(...group.map(({ holds }) => holds))),
    ),
    chart(
      'denied',
      `${sum(({ denied }) => denied)} denied, ${sum(({ held }) => held)} held back`,
      groups.map((group) => group.reduce((all, { denied, held }) => all + denied + held, 0)),
    ),
    make('p', { class: 'quiet' }, since),
  )
}

/**
 * @param {readonly TrendPoint[]} points
 * @param {number} perBar
 */
function groupsOf(points, perBar) {
  /** @type {TrendPoint[][]} */
  const groups = []
  // From the end, so that the last bar is the last minute.
  for (let end = points.length; end > 0; end -= perBar)
    groups.unshift(points.slice(Math.max(0, end - perBar), end))
  return groups
}

/**
 * @param {string} name
 * @param {string} words
 * @param {readonly number[]} values
 */
function chart(name, words, values) {
  const most = Math.max(1, ...values)
  const first = bars - values.length
  const svg = makeSvg(
    'svg',
    {
      viewBox: `0 0 ${bars * width} ${height}`,
      class: `bars ${name}`,
      role: 'img',
      'aria-label': words,
      preserveAspectRatio: 'none',
    },
    makeSvg('line', { x1: '0', x2: String(bars * width), y1: String(height), y2: String(height) }),
    ...values.flatMap((value, index) => {
      if (value === 0) return []
      const tall = Math.max(2, (value / most) * (height - 2))
      return [
        makeSvg('rect', {
          x: String((first + index) * width),
          y: String(height - tall),
          width: String(width - 1),
          height: String(tall),
        }),
      ]
    }),
  )
  return make('figure', {}, svg, make('figcaption', {}, words))
}
