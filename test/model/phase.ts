import type { Change } from '../../src/rules/change.ts'

/** How far the API server has come with what a client wishes. */
export type Phase =
  | { readonly at: 'wished' }
  | { readonly at: 'reviewed'; readonly by: number }
  | { readonly at: 'admitted'; readonly change: Change; readonly since: number }
  | { readonly at: 'over' }
