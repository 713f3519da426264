/** The checks, in the order of the output. */
export const checkNames = [
  'release',
  'crds',
  'disks',
  'registration',
  'trust',
  'certificate',
  'rights',
  'replicas',
  'rules',
  'callers',
  'dry-run',
  'reservations',
  'book',
  'clock',
  'upgrade',
] as const

/** One of the {@link checkNames}. */
export type CheckName = (typeof checkNames)[number]

/** `unknown` is a check that could not run; it never counts as `ok`. */
export type Level = 'ok' | 'warn' | 'error' | 'unknown'

/** The result of a check. All texts are whole sentences for people. */
export interface DoctorFinding {
  readonly check: CheckName
  readonly level: Level
  readonly what: string
  /** Why it matters; null for `ok`. */
  readonly why: string | null
  /** The next step, with a command; null if none is needed. */
  readonly remedy: string | null
}

/** A check without a problem. */
export function ok(check: CheckName, what: string): DoctorFinding {
  return { check, level: 'ok', what, why: null, remedy: null }
}

/** A problem with a remedy. */
export function problem(
  level: 'warn' | 'error',
  check: CheckName,
  texts: Readonly<Record<'what' | 'why' | 'remedy', string>>,
): DoctorFinding {
  return { check, level, ...texts }
}

/**
 * A check that could not run.
 *
 * @param what it needs to read
 * @param why the error in the words of its source
 */
export function notKnown(
  check: CheckName,
  what: string,
  why: string,
  remedy: string | null = null,
): DoctorFinding {
  return { check, level: 'unknown', what, why, remedy }
}
