import t from 'tap'
import { customColumns, parseColumns } from '../../../src/commands/output/custom-columns.ts'
import { parseTemplate } from '../../../src/commands/output/jsonpath/parse.ts'
import { printTemplate } from '../../../src/commands/output/jsonpath/print.ts'

/** More than one call of a function takes as arguments. */
const items = Array.from({ length: 150_000 }, (_, at) => ({ name: `n${at}` }))

t.test('custom columns take as many rows as there are', (t) => {
  t.match(customColumns(parseColumns('NAME:.name'), items, true), /^NAME\nn0\n[^]*\nn149999\n$/)
  t.end()
})

for (const [template, end] of [
  ['{.items[*].name}', 'n149999'],
  ['{.items[0:150000].name}', 'n149999'],
  ['{range .items[*]}{.name}{"\\n"}{end}', 'n149999\n'],
  ['{range .x[*]}{range .items[*]}{.name}{end}{end}', 'n149999'],
] as const) {
  t.test(`a template takes as many items as there are: ${template}`, (t) => {
    const text = printTemplate(parseTemplate(template), { items, x: [{ items }] })
    t.ok(text.startsWith('n0') && text.endsWith(end), text.slice(-20))
    t.end()
  })
}
