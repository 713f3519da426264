import type { Disks, Intent } from '../../gate/reservation.ts'

/** What tells the words for a reservation. */
interface Reserved {
  readonly intent: Intent
  /** Of the object that the change is about. */
  readonly kind: string
  readonly disks: Disks
}

/** What a reserved change does, in the operator's words, for one and for several: `clean-up`, `clean-ups`. */
export function reservedWords({ intent, kind, disks }: Reserved): readonly [one: string, several: string] {
  switch (intent) {
    case 'eviction':
      // A disk that goes reserves what one that is emptied does. What is taken away is known by its UUIDs.
      return disks === 'any'
        ? ['eviction', 'evictions']
        : ['eviction or disk removal', 'evictions or disk removals']
    case 'removal':
      return kind === 'Node' ? ['disk removal', 'disk removals'] : ['clean-up', 'clean-ups']
    case 'placement':
      return ['first file', 'first files']
    case 'keep':
      return ['copy to keep', 'copies to keep']
    case 'write':
      return ['write', 'writes']
  }
}
