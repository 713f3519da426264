import { Connection } from './connection.js'
import { DecisionsView } from './decisions.js'
import { byId, setText } from './dom.js'
import { showHeading, showTitle } from './heading.js'
import { Model } from './model.js'
import { NodesView } from './nodes.js'
import { showStory } from './story.js'
import { showTrend } from './trend.js'
import { showWaiting } from './waiting.js'
import { WhatIfView } from './what-if.js'
import { counted } from './words.js'

const model = new Model()
const whatIf = new WhatIfView(() => nodes.show())
const nodes = new NodesView(model, whatIf, () => connection.now)
const decisions = new DecisionsView(model)
const elsewhere = byId('elsewhere', HTMLElement)

/** The parts to draw anew at the next frame. */
const due = { nodes: false, records: false }
let isScheduled = false

const connection = new Connection({
  state(state) {
    model.setState(state)
    drawSoon({ nodes: true })
  },
  change(change) {
    model.applyChange(change)
    drawSoon({ nodes: change.nodes !== undefined })
  },
  pulse(moment) {
    model.applyPulse(moment)
    drawSoon({})
  },
  records(records) {
    model.setRecords(records)
    drawSoon({ records: true })
  },
  record(record) {
    model.addRecord(record)
    drawSoon({ records: true })
  },
  trend: showTrend,
  story: showStory,
})

/** @param {{ nodes?: boolean, records?: boolean }} what */
function drawSoon({ nodes = false, records = false }) {
  due.nodes ||= nodes
  due.records ||= records
  // A browser draws no frame of a tab in the background, where the title is all that a person sees.
  showTitle(model, connection)
  if (isScheduled) return
  isScheduled = true
  requestAnimationFrame(draw)
}

function draw() {
  isScheduled = false
  showHeading(model, connection)
  showWaiting(model.state?.waiting ?? [], connection.now)
  if (due.nodes) {
    whatIf.keepOnly((name) => model.node(name) !== undefined)
    nodes.show()
    showElsewhere()
  }
  if (due.records) decisions.show()
  due.nodes = false
  due.records = false
}

function showElsewhere() {
  const pending = model.state?.elsewhere ?? []
  elsewhere.hidden = pending.length === 0
  const images = [...new Set(pending.map(({ image }) => image))].join(', ')
  setText(
    elsewhere,
    `${counted(pending.length, 'clean-up is', 'clean-ups are')} pending on disks that no node has: ${images}`,
  )
}

// Ages count on, and the page notices silence, when no event comes.
setInterval(() => {
  nodes.tick()
  whatIf.refresh()
  drawSoon({})
}, 1_000)

addEventListener('beforeprint', () => nodes.printAll(true))
addEventListener('afterprint', () => nodes.printAll(false))
