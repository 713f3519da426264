import type { LiveReservations } from '../../kubernetes/leases/live-reservations.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { age } from '../../time/age.ts'
import { pause, systemClock } from '../../time/clock.ts'
import type { GuardStatus } from '../guard/reach-replicas.ts'
import { saysTheSame, type Status } from './status.ts'

/** Faster updates are unreadable, and an image that is being copied changes about once a second. */
const paceMs = 1_000

/** A working connection shows a sign at least this often, and then the display is current. */
const staleMs = 120_000

/** The watched sources, and what shows them. */
interface Watched {
  readonly look: () => Status
  readonly live: Pick<LiveMap, 'subscribe' | 'ageMs'>
  readonly book: Pick<LiveReservations, 'subscribe'>
  readonly guard: Pick<GuardStatus, 'replicas' | 'refresh'>
  readonly display: Display
}

/** What a status is shown on. */
export interface Display {
  /** True for one place that shows the newest status alone, so that ages count on. */
  readonly isOnePlace: boolean
  /** @param stale that the cluster has been silent for long; undefined if it has not */
  readonly show: (status: Status, stale: string | undefined) => void
}

/**
 * Shows the status now and after each change, at most once a second. Where one place shows the newest alone, ages count
 * on. Elsewhere each change is shown after those before.
 */
export async function watchStatus(watched: Watched, signal: AbortSignal): Promise<void> {
  const { look, live, book, guard, display } = watched
  const changes = new ChangeSignal()
  const ends = [live.subscribe(() => changes.notify()), book.subscribe(() => changes.notify())]
  let shown: Status | undefined
  try {
    while (!signal.aborted) {
      const status = look()
      if (display.isOnePlace || shown === undefined || !saysTheSame(shown, status))
        display.show(status, silence(live.ageMs()))
      shown = status
      await pause(systemClock, paceMs, signal)
      // The guard sends no news of its holds, so it is asked each time.
      if (guard.replicas !== undefined) await guard.refresh(signal)
      else if (!display.isOnePlace) await changes.next(signal)
    }
  } finally {
    for (const end of ends) end()
  }
}

function silence(ageMs: number): string | undefined {
  return ageMs < staleMs ? undefined : `The cluster has sent nothing for ${age(ageMs)}.`
}

/** Remembers a change until the next question. */
class ChangeSignal {
  #changed = new AbortController()

  notify(): void {
    this.#changed.abort()
  }

  async next(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([this.#changed.signal, signal])
    if (!either.aborted) {
      await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }))
    }
    this.#changed = new AbortController()
  }
}
