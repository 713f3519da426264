import { type RuleName, ruleNames } from '../../rules/finding.ts'

/** Names of the problems that `check` reports without a rule. */
const otherNames = [
  'cannot-be-judged',
  'facts-missing',
  'unknown-field',
  'duplicate-field',
  'not-as-meant',
] as const

/** The name of a problem in a report: that of a rule, or one of {@link otherNames}. */
export type ReportRule = RuleName | (typeof otherNames)[number]

/** Every name, those of rules first. */
export const reportRules: readonly ReportRule[] = [...ruleNames, ...otherNames]

/** The meaning of each, in one sentence. */
export const reportRuleTexts: Readonly<Record<ReportRule, string>> = {
  'eviction-during-cleanup': 'An eviction waits while a clean-up is pending.',
  'cleanup-during-eviction': 'The removal of a copy waits while its node is evicted.',
  'first-file-during-eviction': 'A new image gets no first file on an evicted node.',
  'first-file-unfinished': 'An eviction or a clean-up waits for a first file that is being made.',
  'last-usable-copy': 'A clean-up that would leave no usable copy is denied.',
  'evict-unready-copy': 'The eviction of the only copy waits until the copy is ready.',
  'copy-in-use': 'The removal of a copy that a replica uses is denied.',
  'below-min-copies': 'A person’s clean-up below minNumberOfCopies is denied, an eviction only warned.',
  'disk-removal-with-copies':
    'The removal of a disk or node with copies on it is denied, unless it is lost and the images are ready elsewhere.',
  'images-nowhere': 'A warning about images that no disk has.',
  'no-eviction-target': 'A warning about an eviction that can never finish.',
  'lingering-eviction': 'A warning about marks that stay after the last flag is cleared.',
  'eviction-budget': 'Evictions beyond a number of your choice wait.',
  'cannot-be-judged': 'A document cannot be read, or is no object that an API server takes.',
  'facts-missing': 'The snapshot lacks objects that the verdict depends on.',
  'unknown-field': 'The API server drops a field that it does not know.',
  'duplicate-field': 'A field is there twice, and only the last one counts.',
  'not-as-meant': 'The change has an effect that it was probably not meant to have, or none.',
}

const docs = 'https://github.com/holdfast-io/holdfast/blob/main/docs'

/** The section of the documentation about it. */
export function helpUriOf(rule: ReportRule): string {
  return isRule(rule) ? `${docs}/rules.md#${rule}` : `${docs}/ci.md#problems-that-no-rule-finds`
}

function isRule(rule: ReportRule): rule is RuleName {
  return ruleNames.some((name) => name === rule)
}
