import { nodeOf, type Entry } from '../gate/reservation-book.ts'
import { isAssumed, profileOf, profileWords } from '../longhorn/releases.ts'
import { ruleNames } from '../rules/finding.ts'
import { defaultPolicy, type Policy, withModes } from '../rules/policy.ts'
import { cut, plainLine, shellWord } from '../text/plain-text.ts'
import type { GuardPolicy, StateParts } from './state-schema.ts'

/** The release and what it does. */
export function longhornPart(release: string | undefined): StateParts['longhorn'] {
  const profile = profileOf(release)
  return {
    release: release === undefined ? null : cut(plainLine(release), 256),
    profile,
    assumed: isAssumed(release),
    words: profileWords[profile],
  }
}

/** The mode of all rules in one word. */
export function modeOf({ modes }: Pick<Policy, 'modes'>): NonNullable<StateParts['guard']['mode']> {
  const [first, ...others] = new Set(ruleNames.map((rule) => modes[rule]))
  return first === undefined || others.length > 0 ? 'mixed' : first
}

/** The policy of a guard, as the state shows it. */
export function policyPart(policy: Policy): GuardPolicy {
  const { release, evictionCompletion, settleMs, settleAfterOutageMs, lostAfterMs, stuckAfterMs } = policy
  const { flaggedNodes, pendingCleanups } = policy.evictionBudget
  return {
    release: release ?? null,
    ...{ evictionCompletion, settleMs, settleAfterOutageMs, lostAfterMs, stuckAfterMs },
    evictionBudget: { flaggedNodes: flaggedNodes ?? null, pendingCleanups: pendingCleanups ?? null },
  }
}

/** The policy that a state shows; the default policy if it shows none. */
export function policyOf({ rules, policy }: StateParts['guard']): Policy {
  const modes = withModes(defaultPolicy.modes, (rule) => rules?.[rule] ?? defaultPolicy.modes[rule])
  if (!policy) return { ...defaultPolicy, modes }
  const { release, evictionBudget, ...same } = policy
  const { flaggedNodes, pendingCleanups } = evictionBudget
  return {
    ...{ ...defaultPolicy, ...same, modes, release: release ?? undefined },
    evictionBudget: {
      flaggedNodes: flaggedNodes ?? undefined,
      pendingCleanups: pendingCleanups ?? undefined,
    },
  }
}

/** The flag that names Longhorn's namespace; none for the usual one. */
export function namespaceFlags(namespace: string): readonly string[] {
  return namespace === defaultPolicy.longhornNamespace ? [] : ['--longhorn-namespace', namespace]
}

/** Flags as a shell reads them. */
export function flagWords(flags: readonly string[]): string {
  return flags.map(shellWord).join(' ')
}

/** How many changes are reserved on each node. */
export function reservedBy(entries: Iterable<Entry>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { key, reservations } of entries) {
    const node = nodeOf(key)
    if (node !== undefined && reservations.length > 0) counts.set(node, reservations.length)
  }
  return counts
}
