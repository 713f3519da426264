import { shellWord } from '../../text/plain-text.ts'
import { defaultPolicy } from '../../rules/policy.ts'
import type { ClusterFlags } from './cluster-options.ts'

/**
 * A command of Holdfast about the same cluster, to copy: with the options that name the cluster, and the person.
 *
 * @param words what comes after `holdfast`
 */
export function commandText(words: readonly string[], flags: ClusterFlags): string {
  const { longhornNamespace, asGroup = [] } = flags
  const options: readonly (readonly [string, string | undefined])[] = [
    ['--kubeconfig', flags.kubeconfig],
    ['--context', flags.context],
    ['--namespace', flags.namespace],
    [
      '--longhorn-namespace',
      longhornNamespace === defaultPolicy.longhornNamespace ? undefined : longhornNamespace,
    ],
    ['--as', flags.as],
    ['--as-uid', flags.asUid],
    ...asGroup.map((group) => ['--as-group', group] as const),
  ]
  const given = options.flatMap(([name, value]) => (value === undefined ? [] : [name, value]))
  return ['holdfast', ...words, ...given].map(shellWord).join(' ')
}
