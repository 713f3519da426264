/** Why a list or a watch was started anew. */
export type RestartReason =
  /** The server ended the watch properly, as it does every 5–10 minutes. */
  | 'closed'
  /** No byte for 90 s: a half-open connection, or a resource that nobody writes. */
  | 'silent'
  /** The connection was lost in the middle. */
  | 'cut'
  /** 410: the version, or the page, is older than the server's history. */
  | 'expired'
  /** The versions went backwards: the server has another history now. */
  | 'new-history'
  /** An ERROR event other than 410. */
  | 'error-event'
  /** Something that is no list, or no watch event. */
  | 'malformed'
  /** No connection at all. */
  | 'unreachable'
  /** No headers within 30 s. */
  | 'timed-out'
  /** A token, certificate or exec plugin could not be used. */
  | 'credentials'
  /** 401 or 403. */
  | 'refused'
  /** 404: the resource is not installed. */
  | 'missing'
  /** 429. */
  | 'throttled'
  /** Any other 4xx: most likely the version asked for is not one. */
  | 'rejected'
  /** 5xx, or a status that means nothing here. */
  | 'server-error'
  /** A mistake of our own, or of a projection given to us. */
  | 'unexpected'

/** Where a list-watch stands. `since` is in the clock's milliseconds. */
export type ListWatchState =
  | { readonly phase: 'listing'; readonly since: number; readonly objects: number }
  /** Connected is false until the headers have come. */
  | { readonly phase: 'watching'; readonly since: number; readonly connected: boolean }
  | {
      readonly phase: 'backing-off'
      readonly since: number
      readonly until: number
      readonly reason: RestartReason
    }
  | { readonly phase: 'stopped'; readonly since: number }

/** How much was done since the start. */
export interface ListWatchCounters {
  /** Completed and swapped in. */
  readonly lists: number
  /** Opened, i.e. the headers came. */
  readonly watches: number
  /** Changes seen by watching; bookmarks are none. */
  readonly events: number
  /** Times the handler threw. */
  readonly handlerErrors: number
  readonly restarts: Readonly<Record<RestartReason, number>>
}

/** What is wrong, once for each new problem. */
export interface ListWatchProblem {
  readonly reason: RestartReason | 'handler'
  /** The API failure or connection failure, or what the handler threw. */
  readonly error: Error
  /** Milliseconds until the next attempt; 0 for at once. */
  readonly retryInMs: number
}

/** What is done about a restart. */
export interface Course {
  /** `same`: a list is listed and a watch watched again, from the last version known. */
  readonly next: 'list' | 'same'
  /** Whether to wait; `at-once` waits too when it happens several times in a row. */
  readonly when: 'at-once' | 'back-off'
}

/** What is done about each restart. */
export const courses: Readonly<Record<RestartReason, Course>> = {
  closed: { next: 'same', when: 'at-once' },
  silent: { next: 'list', when: 'at-once' },
  cut: { next: 'same', when: 'back-off' },
  expired: { next: 'list', when: 'at-once' },
  'new-history': { next: 'list', when: 'at-once' },
  'error-event': { next: 'list', when: 'at-once' },
  malformed: { next: 'list', when: 'at-once' },
  unreachable: { next: 'same', when: 'back-off' },
  'timed-out': { next: 'same', when: 'back-off' },
  credentials: { next: 'same', when: 'back-off' },
  refused: { next: 'same', when: 'back-off' },
  missing: { next: 'list', when: 'back-off' },
  throttled: { next: 'same', when: 'back-off' },
  rejected: { next: 'list', when: 'back-off' },
  'server-error': { next: 'same', when: 'back-off' },
  unexpected: { next: 'list', when: 'back-off' },
}

/** A count of zero for each reason. */
export function noRestarts(): Record<RestartReason, number> {
  return {
    closed: 0,
    silent: 0,
    cut: 0,
    expired: 0,
    'new-history': 0,
    'error-event': 0,
    malformed: 0,
    unreachable: 0,
    'timed-out': 0,
    credentials: 0,
    refused: 0,
    missing: 0,
    throttled: 0,
    rejected: 0,
    'server-error': 0,
    unexpected: 0,
  }
}
