import t from 'tap'
import { Type } from 'typebox'
import { parser } from '../../src/json/schema.ts'

const Part = Type.Object({ size: Type.Integer() }, { $id: 'example.com/part' })
const Whole = Type.Object({ parts: Type.Array(Part) })

t.test('a schema with an id is read after another schema that contains it', (t) => {
  const whole = parser(Whole, ({ parts }) => parts.length)
  const part = parser(Part, ({ size }) => size)
  t.strictSame(whole({ parts: [{ size: 1 }] }), { ok: true, value: 1 })
  t.strictSame(part({ size: 2 }), { ok: true, value: 2 })
  t.match(part({ size: 'large' }), { ok: false, problem: 'size must be integer' })
  t.end()
})
