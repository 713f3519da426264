import type { PendingOnNode } from '../disk-map/disk-map-view.ts'
import type { Node } from '../longhorn/node.ts'
import type { Flags } from '../longhorn/rescue-note.ts'
import type { HandOver } from './guard-step.ts'

/** What a guard's rescue has to say of a node. */
export type RescueNews =
  /** The guard only warns, so it leaves the flags up. */
  | { readonly what: 'would-clear'; readonly flags: Flags; readonly cleanups: readonly PendingOnNode[] }
  /** @property again false if a person has to raise them again */
  | {
      readonly what: 'cleared'
      readonly flags: Flags
      readonly cleanups: readonly PendingOnNode[]
      readonly again: boolean
    }
  | { readonly what: 'raised'; readonly flags: Flags }
  /** Somebody has raised noted flags, or taken their disks away. @property left those that the guard still raises */
  | { readonly what: 'struck'; readonly left: Flags }
  | { readonly what: 'handed-over'; readonly flags: Flags; readonly why: HandOver }
  /** They stay down and noted, and the guard tries again later. */
  | { readonly what: 'not-raised'; readonly flags: Flags; readonly why: string }

/** Hears of it at once. It never throws, and nobody waits for it. */
export type RescueListener = (node: Node, news: RescueNews) => void
