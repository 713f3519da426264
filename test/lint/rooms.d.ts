import type { Linter } from 'eslint'

export const rooms: Record<string, { may: string[]; pure?: true }>
export function roomRules(room: string): Linter.RulesRecord
