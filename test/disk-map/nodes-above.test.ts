import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { parsed } from '../fixtures/cluster.ts'
import { answers, step, type Step } from './steps.ts'

t.test(
  'a map on top of another answers as one that was told of the same nodes, and changes nothing below',
  (t) => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30, size: 'max' }),
        fc.integer({ min: 0, max: 30 }),
        (steps, first) => {
          const numbered = steps.map((each, at) => ({ ...each, at }))
          const [below, above] = [numbered.slice(0, first), numbered.slice(first)]
          const map = taught(new DiskMap(), below)
          const before = answers(map)
          const nodes = below.filter(({ kind }) => kind === 'Node')
          assert.deepEqual(
            answers(taught(map.nodesAlone(), above)),
            answers(taught(new DiskMap(), [...nodes, ...above])),
          )
          assert.deepEqual(answers(map), before)
        },
      ),
      { numRuns: 200 },
    )
    t.end()
  },
)

/** Tells a map of events of a watch. */
function taught(map: DiskMap, steps: readonly (Step & { readonly at: number })[]): DiskMap {
  for (const { kind, name, raw, at } of steps) {
    if (raw) map.apply(parsed(kind, { metadata: { name, resourceVersion: String(at) }, ...raw }), at)
    else map.remove(kind, name, at)
  }
  return map
}
