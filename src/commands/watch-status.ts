import { systemClock } from '../time/clock.ts'
import type { LiveMap } from '../kubernetes/live-map.ts'
import type { LiveReservations } from '../kubernetes/live-reservations.ts'
import { pause } from '../kubernetes/pause.ts'
import { saysTheSame, type Status } from '../status/status.ts'
import { age } from '../terminal/age.ts'
import type { GuardStatus } from './guard-status.ts'

/** Nobody reads faster, and an image being copied changes about once a second. */
const paceMs = 1_000

/** A connection that works is heard of at least this often, and then what is shown is true. */
const staleMs = 120_000

/** What is watched, and how it is shown. */
export interface Watched {
  readonly look: () => Status
  readonly text: (status: Status) => string
  readonly live: Pick<LiveMap, 'subscribe' | 'ageMs'>
  readonly book: Pick<LiveReservations, 'subscribe'>
  readonly guard: Pick<GuardStatus, 'replicas' | 'refresh'>
  readonly screen: { readonly isTTY?: boolean; write(text: string): unknown }
}

/**
 * Shows the status now and after each change, not faster than once a second. A terminal always shows the newest alone,
 * with ages that count on; elsewhere each change is another block.
 */
export async function watchStatus(watched: Watched, signal: AbortSignal): Promise<void> {
  const { look, text, live, book, guard, screen } = watched
  const changes = new Changes()
  const ends = [live.subscribe(() => changes.tell()), book.subscribe(() => changes.tell())]
  let shown: Status | undefined
  try {
    while (!signal.aborted) {
      const status = look()
      if (screen.isTTY === true) {
        const old =
          live.ageMs() < staleMs ? '' : `\nNothing was heard of the cluster for ${age(live.ageMs())}.\n`
        screen.write(`\u001b[H\u001b[2J${text(status)}${old}`)
      } else if (shown === undefined || !saysTheSame(shown, status)) {
        screen.write(`${shown === undefined ? '' : '\n'}${text(status)}`)
      }
      shown = status
      await pause(systemClock, paceMs, signal)
      // Of what the guard holds nobody tells: it is asked at every turn.
      if (guard.replicas !== undefined) await guard.refresh(signal)
      else if (screen.isTTY !== true) await changes.next(signal)
    }
  } finally {
    for (const end of ends) end()
  }
}

/** Remembers that something changed until somebody asks. */
class Changes {
  #told = new AbortController()

  tell(): void {
    this.#told.abort()
  }

  async next(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([this.#told.signal, signal])
    if (!either.aborted) {
      await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }))
    }
    this.#told = new AbortController()
  }
}
