/** What is looked at, in the order in which it is told. */
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

/** `unknown` is what could not be looked at; it never counts as `ok`. */
export type Level = 'ok' | 'warn' | 'error' | 'unknown'

/** What a check has found. All texts are whole sentences for people. */
export interface Finding {
  readonly check: CheckName
  readonly level: Level
  readonly what: string
  /** Why it matters; null where all is well. */
  readonly why: string | null
  /** What to do, with a command; null where nothing is to be done. */
  readonly remedy: string | null
}

/** All is well with it. */
export function ok(check: CheckName, what: string): Finding {
  return { check, level: 'ok', what, why: null, remedy: null }
}

/** Something to do about it. */
export function problem(
  level: 'warn' | 'error',
  check: CheckName,
  texts: Readonly<Record<'what' | 'why' | 'remedy', string>>,
): Finding {
  return { check, level, ...texts }
}

/** It could not be looked at. @param what could not be seen @param why as the one says that refused or failed */
export function notKnown(check: CheckName, what: string, why: string, remedy: string | null = null): Finding {
  return { check, level: 'unknown', what, why, remedy }
}
