import { intents } from '../../gate/reservation.ts'
import { type NodeState, nodeStates } from '../../rules/node-state.ts'
import { plainLine } from '../../text/plain-text.ts'
import { age } from '../../time/age.ts'
import type { Column, TableLook } from '../table.ts'
import type { Colours } from '../terminal.ts'
import { heading, replicasDiffer } from './heading.ts'
import { notedSection } from './noted.ts'
import { reservedWords } from './reserved.ts'
import { section, type Section, sentence, textOf } from './section.ts'
import type {
  DiskStatus,
  NodeStatus,
  NowhereStatus,
  PendingStatus,
  ReservationStatus,
  SharedDiskStatus,
  Status,
} from './status.ts'
import { waitingSection } from './waiting-table.ts'

/** How to show a status to a person. */
export interface Look extends TableLook {
  readonly colours: Colours
  /** Shows each disk and each reservation too. */
  readonly wide: boolean
  /** The API server, for people. */
  readonly server: string
}

/** A status for a person: what it is about, the nodes, and the work in progress, if any. */
export function tables(status: Status, look: Look): string {
  const { headers = true, server, width } = look
  const shown = sections(status, look).map(textOf)
  return (headers ? [heading(status, { server, width }), ...shown] : shown).join('\n')
}

/** Its tables, the most pressing first. */
export function sections(status: Status, look: Look): readonly Section[] {
  const { wide } = look
  const guard = status.guard ?? []
  return [
    ...waitingSection(status, look),
    ...nodeSection(status, look),
    ...(wide ? diskSection(status, look) : []),
    ...section({
      ...{ columns: nowhereColumns, rows: status.imagesNowhere, look },
      ...{ what: 'images nowhere', urgent: status.imagesNowhere.length },
    }),
    ...notedSection(status, look),
    ...pendingSection(status, look),
    ...section({ columns: sharedColumns, rows: status.sharedDisks, look, what: 'UUIDs' }),
    ...(wide
      ? section({ columns: reservationColumns, rows: status.reservations ?? [], look, what: 'reservations' })
      : []),
    ...(wide || replicasDiffer(guard)
      ? section({ columns: guardColumns, rows: guard, look, what: 'replicas' })
      : []),
  ]
}

function nodeSection(status: Status, look: Look): Section[] {
  const { colours } = look
  const { nodesLeftOut } = status
  const hasNodes = status.nodes.length > 0
  const leftOut = nodesLeftOut === 0 ? [] : [sentence(leftOutWords(nodesLeftOut, hasNodes))]
  if (!hasNodes) return nodesLeftOut > 0 ? leftOut : [sentence('There is no Longhorn node.')]
  const paint: Readonly<Record<NodeState, (text: string) => string>> = {
    danger: colours.red,
    flagged: colours.yellow,
    'cleaning up': colours.cyan,
    down: colours.yellow,
    settling: colours.cyan,
    ok: colours.green,
  }
  const columns: Column<NodeStatus>[] = [
    { heading: 'NODE', cell: ({ name }) => name },
    { heading: 'FLAGS', cell: flags },
    { heading: 'SCHEDULING', cell: scheduling },
    { heading: 'DISKS', cell: ({ disks }) => String(disks.length) },
    { heading: 'COPIES', cell: ({ disks }) => String(sum(disks, inSpec)) },
    { heading: 'PENDING', cell: ({ name }) => pendingSummary(status, name) },
    { heading: 'RESERVED', cell: ({ name }) => reservedSummary(status, name) },
    { heading: 'STATE', cell: (node) => stateOf(node, status), paint: (node) => paint[node.state] },
  ]
  const rows = worstFirst(status.nodes)
  const urgent = rows.filter(({ state }) => state === 'danger').length
  const notable = rows.filter(({ state }) => state !== 'ok').length
  return [...section({ columns, rows, look, what: 'nodes', urgent, notable, more: statesOf }), ...leftOut]
}

function leftOutWords(nodes: number, hasOthers: boolean): string {
  return `${nodes}${hasOthers ? ' more' : ''} ${nodes === 1 ? 'node is' : 'nodes are'} in service and at rest.`
}

/** By state; within one by name, as they come. */
function worstFirst(nodes: readonly NodeStatus[]): NodeStatus[] {
  return nodes.toSorted((one, other) => nodeStates.indexOf(one.state) - nodeStates.indexOf(other.state))
}

/** `2 danger (node-1, node-2), 7 ok`: each one that is in danger by its name. */
function statesOf(nodes: readonly NodeStatus[]): string {
  return nodeStates
    .flatMap((state) => {
      const names = nodes.filter((node) => node.state === state).map(({ name }) => plainLine(name))
      if (names.length === 0) return []
      return [`${names.length} ${state}${state === 'danger' ? ` (${names.join(', ')})` : ''}`]
    })
    .join(', ')
}

/** `settling (8s)`: it ends by itself. */
function stateOf({ state, settlesAt }: NodeStatus, { observedAt }: Status): string {
  if (state !== 'settling' || settlesAt === null) return state
  return `${state} (${age(Date.parse(settlesAt) - Date.parse(observedAt))})`
}

/** The node's own flag in brackets, since a disk may have any name. */
function flags({ evictionRequested, disks }: NodeStatus): string {
  const own = evictionRequested ? ['(node)'] : []
  return [...own, ...disks.filter((disk) => disk.evictionRequested).map(({ name }) => name)].join(',')
}

/** `closed` is the whole node; else the disks that are. Where it is closed, Longhorn places nothing new. */
function scheduling({ allowScheduling, disks }: NodeStatus): string {
  if (!allowScheduling) return 'closed'
  const closed = disks.filter((disk) => !disk.allowScheduling).map(({ name }) => name)
  return closed.length === 0 ? 'open' : `closed: ${closed.join(',')}`
}

function inSpec({ copies }: DiskStatus): number {
  return copies.planned + copies.present
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

/** The number, and the age of the oldest. */
function pendingSummary(status: Status, name: string): string {
  const pending = status.pendingCleanups.filter(({ node }) => node === name)
  if (pending.length === 0) return ''
  const [oldest] = pending.toSorted((a, b) => ((a.since ?? '') < (b.since ?? '') ? -1 : 1))
  return `${pending.length} (${oldest === undefined ? '' : ageOf(oldest, status)})`
}

function ageOf({ since, ageKnown }: PendingStatus, { observedAt }: Status): string {
  if (since === null) return 'age unknown'
  const text = age(Date.parse(observedAt) - Date.parse(since))
  return ageKnown === 'exact' ? text : `at least ${text}`
}

function reservedSummary({ reservations }: Status, name: string): string {
  if (reservations === null) return 'unknown'
  const counts = new Map<string, { count: number; several: string }>()
  const here = reservations.filter(({ node }) => node === name)
  for (const each of here.toSorted((a, b) => intents.indexOf(a.intent) - intents.indexOf(b.intent))) {
    const [one, several] = wordsOf(each)
    counts.set(one, { count: (counts.get(one)?.count ?? 0) + 1, several })
  }
  return [...counts]
    .map(([one, { count, several }]) => (count === 1 ? `1 ${one}` : `${count} ${several}`))
    .join(', ')
}

function wordsOf({ intent, object: { kind }, disks }: ReservationStatus): readonly [string, string] {
  return reservedWords({ intent, kind, disks })
}

function diskSection({ nodes }: Status, look: Look): Section[] {
  const rows = nodes.flatMap((node) => node.disks.map((disk) => ({ node, disk })))
  return section({
    columns: [
      { heading: 'NODE', cell: ({ node }) => node.name },
      { heading: 'DISK', cell: ({ disk }) => disk.name },
      { heading: 'UUID', cell: ({ disk }) => disk.uuid ?? 'not known yet' },
      {
        heading: 'FLAGS',
        cell: ({ node, disk }) =>
          [node.evictionRequested ? 'node' : '', disk.evictionRequested ? 'disk' : '']
            .filter((flag) => flag !== '')
            .join(','),
      },
      { heading: 'COPIES', cell: ({ disk }) => phases(disk) },
      { heading: 'MANAGER', cell: ({ disk }) => disk.managerState ?? '' },
    ],
    rows,
    look,
    what: 'disks',
  })
}

function phases({ copies }: DiskStatus): string {
  const { planned, present, pendingCleanup } = copies
  return Object.entries({ planned, present, 'pending cleanup': pendingCleanup })
    .filter(([, count]) => count > 0)
    .map(([phase, count]) => `${count} ${phase}`)
    .join(', ')
}

function pendingSection(status: Status, look: Look): Section[] {
  const uuid: Column<PendingStatus> = { heading: 'UUID', cell: ({ diskUUID }) => diskUUID }
  return section<PendingStatus>({
    columns: [
      { heading: 'IMAGE', cell: ({ image }) => image },
      { heading: 'NODE', cell: ({ node }) => node ?? '' },
      { heading: 'DISK', cell: ({ disk, diskUUID }) => disk ?? diskUUID },
      ...(look.wide ? [uuid] : []),
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'AGE', cell: (pending) => ageOf(pending, status).replace('age ', '') },
      { heading: 'MANAGER', cell: ({ managerState }) => managerState ?? '' },
    ],
    rows: status.pendingCleanups,
    look,
    what: 'pending clean-ups',
  })
}

const nowhereColumns: readonly Column<NowhereStatus>[] = [
  { heading: 'IMAGE NOWHERE', cell: ({ image }) => image },
  { heading: 'SOURCE', cell: ({ sourceType }) => sourceType },
  {
    heading: 'LOOKED FOR ON',
    cell: ({ copies }) =>
      copies
        .map(({ node, disk, diskUUID, why }) =>
          node === null
            ? `${diskUUID} (no node has it)`
            : `${disk ?? ''} of ${node}${why === null ? '' : ` (${why})`}`,
        )
        .join(', '),
  },
]

const sharedColumns: readonly Column<SharedDiskStatus>[] = [
  { heading: 'ONE UUID ON SEVERAL NODES', cell: ({ diskUUID }) => diskUUID },
  { heading: 'DISKS', cell: ({ owners }) => owners.map(({ node, disk }) => `${disk} of ${node}`).join(', ') },
]

const guardColumns: readonly Column<NonNullable<Status['guard']>[number]>[] = [
  { heading: 'REPLICA', cell: ({ replica }) => replica },
  { heading: 'VERSION', cell: ({ version }) => version },
  { heading: 'SYNCED', cell: ({ synced }) => (synced ? 'yes' : 'no') },
  { heading: 'MODE', cell: ({ mode }) => mode ?? 'unknown' },
  { heading: 'JUDGES BY', cell: ({ release }) => release ?? 'running release' },
  { heading: 'HOLDS', cell: ({ holds }) => String(holds) },
]

const reservationColumns: readonly Column<ReservationStatus>[] = [
  { heading: 'RESERVED', cell: (reservation) => wordsOf(reservation)[0] },
  { heading: 'NODE', cell: ({ node }) => node ?? '' },
  { heading: 'FOR', cell: ({ object }) => `${object.kind} ${object.name}` },
  { heading: 'DISKS', cell: ({ disks }) => (disks === 'any' ? 'any' : disks.join(',')) },
  { heading: 'UNTIL', cell: ({ deadline }) => deadline },
  { heading: 'BY', cell: ({ by }) => by },
]
