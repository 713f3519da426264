import type { Test } from 'tap'
import type { Cluster } from '../cluster.ts'
import { meantToGo } from './meant-to-go.ts'
import { requests } from './requests.ts'
import { rules } from './rules.ts'

/** Promises that hold on every API server. */
export function onAnyCluster(t: Test, cluster: Cluster): void {
  t.test('rules', (t) => rules(t, cluster))
  t.test('requests', (t) => requests(t, cluster))
  t.test('meant to go', (t) => meantToGo(t, cluster))
}
