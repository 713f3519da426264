import t from 'tap'
import { allKinds, compileKinds, kinds } from '../../src/longhorn/kinds.ts'
import { workOf } from '../fixtures/work.ts'

t.test('the first object of a kind takes no longer than the next once the schemas are compiled', (t) => {
  const raw = { metadata: { name: 'one', resourceVersion: '1' } }
  compileKinds()
  for (const kind of allKinds) {
    const parse = () => void kinds[kind].parse(raw)
    const [first, next] = [workOf(parse), workOf(parse)]
    t.equal(first, next, kind)
  }
  t.end()
})
