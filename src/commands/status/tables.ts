import { intents } from '../../gate/reservation.ts'
import { assumption } from '../../longhorn/releases.ts'
import type { NodeState } from '../../rules/node-state.ts'
import { plainLine } from '../../text/plain-text.ts'
import { age } from '../../time/age.ts'
import { type Colours, type Column, table } from '../terminal.ts'
import { reservedWords } from './reserved.ts'
import type {
  DiskStatus,
  NodeStatus,
  NowhereStatus,
  PendingStatus,
  ReservationStatus,
  SharedDiskStatus,
  Status,
} from './status.ts'
import { waitingTable } from './waiting-table.ts'

/** How to show a status to a person. */
interface Look {
  readonly colours: Colours
  /** Shows each disk and each reservation too. */
  readonly wide: boolean
}

/** A status for a person: the nodes, and the work in progress, if any. */
export function tables(status: Status, { colours, wide }: Look): string {
  const paint: Readonly<Record<NodeState, (text: string) => string>> = {
    danger: colours.red,
    flagged: colours.yellow,
    'cleaning up': colours.cyan,
    down: colours.yellow,
    settling: colours.cyan,
    ok: colours.green,
  }
  const parts = [
    ...waitingTable(status, wide),
    status.nodes.length === 0
      ? 'There is no Longhorn node.\n'
      : table<NodeStatus>(
          [
            { heading: 'NODE', cell: ({ name }) => name },
            { heading: 'FLAGS', cell: flags },
            { heading: 'SCHEDULING', cell: scheduling },
            { heading: 'DISKS', cell: ({ disks }) => String(disks.length) },
            { heading: 'COPIES', cell: ({ disks }) => String(sum(disks, inSpec)) },
            { heading: 'PENDING', cell: ({ name }) => pendingSummary(status, name) },
            { heading: 'RESERVED', cell: ({ name }) => reservedSummary(status, name) },
            {
              heading: 'STATE',
              cell: (node) => stateOf(node, status),
              paint: (node) => paint[node.state],
            },
          ],
          status.nodes.toSorted((one, other) => Number(inDanger(other)) - Number(inDanger(one))),
        ),
  ]
  if (wide && status.nodes.length > 0) parts.push(diskTable(status))
  if (status.pendingCleanups.length > 0) parts.push(pendingTable(status, wide))
  if (status.imagesNowhere.length > 0) parts.push(table(nowhereColumns, status.imagesNowhere))
  if (status.sharedDisks.length > 0) parts.push(table(sharedColumns, status.sharedDisks))
  if (wide && status.reservations !== null && status.reservations.length > 0)
    parts.push(table(reservationColumns, status.reservations))
  if (status.guard !== null) parts.push(table(guardColumns, status.guard))
  const { release, assumed } = status.longhorn
  if (assumed && status.nodes.length > 0) parts.push(`${plainLine(assumption(release ?? undefined))}\n`)
  return parts.join('\n')
}

/** Nodes in danger come before the others. */
function inDanger({ state }: NodeStatus): boolean {
  return state === 'danger'
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

function diskTable({ nodes }: Status): string {
  const rows = nodes.flatMap((node) => node.disks.map((disk) => ({ node, disk })))
  return table(
    [
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
  )
}

function phases({ copies }: DiskStatus): string {
  return Object.entries(copies)
    .filter(([, count]) => count > 0)
    .map(([phase, count]) => `${count} ${phase}`)
    .join(', ')
}

function pendingTable(status: Status, wide: boolean): string {
  const uuid: Column<PendingStatus> = { heading: 'UUID', cell: ({ diskUUID }) => diskUUID }
  return table<PendingStatus>(
    [
      { heading: 'IMAGE', cell: ({ image }) => image },
      { heading: 'NODE', cell: ({ node }) => node ?? '' },
      { heading: 'DISK', cell: ({ disk, diskUUID }) => disk ?? diskUUID },
      ...(wide ? [uuid] : []),
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'AGE', cell: (pending) => ageOf(pending, status).replace('age ', '') },
      { heading: 'MANAGER', cell: ({ managerState }) => managerState ?? '' },
    ],
    status.pendingCleanups,
  )
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
