import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { skip } from '../charts/helm.ts'
import { render, set } from '../charts/rendered.ts'
import { root } from '../fixtures/root.ts'
import { anchorsOf, pages, read, rowsOf } from './pages.ts'

/** The target of a link within this repository; undefined for one that leads out of it. */
function targetOf(
  link: string,
  page: string,
): { readonly path: string; readonly anchor: string } | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [path = '', anchor = ''] = link.split('#')
  return { path: path === '' ? page : normalize(join(dirname(page), path)), anchor }
}

/** Why a place of the repository is not there; undefined if it is. */
function problemOf(path: string, anchor: string): string | undefined {
  if (!existsSync(join(root, path))) return 'there is no such file'
  if (anchor === '' || !path.endsWith('.md')) return undefined
  return anchorsOf(path).has(anchor) ? undefined : 'the page has no such section'
}

t.test('every link of a page leads to a file and a section that exist', (t) => {
  let count = 0
  for (const page of pages) {
    const prose = read(page).replaceAll(/^( *)```[^]*?^\1```$/gm, '')
    for (const [, link = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = targetOf(link, page)
      if (!target) continue
      count += 1
      t.equal(problemOf(target.path, target.anchor), undefined, `${page}: ${link}`)
    }
  }
  t.ok(count > 100, `${count} links`)
  t.end()
})

/** A page as the chart, a message or package.json names it: `docs/security.md#anchor`. */
const named = /\b(docs\/[\w./-]+\.md)(?:#([\w-]+))?/g

t.test('every page of the docs that the chart and the program name exists, with its section', (t) => {
  const files = ['charts', 'src', '.github'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1)),
  )
  t.ok(files.length > 100)
  for (const file of files)
    for (const [link, path = '', anchor = ''] of read(file).matchAll(named))
      t.equal(problemOf(path, anchor), undefined, `${file}: ${link}`)
  t.end()
})

/** The alerts of the chart, and how severe each is. */
const alerts = [
  ...read('charts/holdfast/templates/prometheusrule.yaml').matchAll(/- alert: (\w+)[^]*?severity: (\w+)/g),
].map(([, name = '', severity = '']) => ({ name, severity }))

/** The parts of a runbook, in their order. */
const parts = ['What is at risk', 'What to look at', 'What to do']

t.test('every alert has a page with its meaning, the risk and the commands to look', (t) => {
  t.ok(alerts.length > 25)
  for (const { name } of alerts) {
    const [before = '', ...sections] = read(`docs/runbooks/${name}.md`).split(/^## /m)
    t.match(before, new RegExp(`^# ${name}\n\n[^\n]+\n\n$`), `${name} says in one line what it means`)
    t.strictSame(
      sections.map((section) => section.split('\n')[0]),
      parts,
      name,
    )
    t.match(sections[1], /^```sh$/m, `${name} shows commands to look with`)
  }
  const names = new Set(alerts.map(({ name }) => `${name}.md`))
  for (const page of readdirSync(join(root, 'docs/runbooks'))) t.ok(names.has(page), `${page} has an alert`)
  t.end()
})

/** What only the guard, its registration or its Deployment has. */
const ofTheGuard = /\b(?:apiserver_|kube_)|holdfast_(?:refused_callers|client_certificate)/

t.test('an alert that a proxy can raise points at the logs of the proxies too', (t) => {
  const text = read('charts/holdfast/templates/prometheusrule.yaml')
  const made = [...text.matchAll(/- alert: (\w+)\n *expr: (.*)\n[^]*?description: (.*)/g)]
  t.equal(made.length, alerts.length)
  const ofProxiesToo = made.filter(([, , expr = '']) => !ofTheGuard.test(expr))
  t.ok(ofProxiesToo.length > 15)
  for (const [, name = '', , description = ''] of ofProxiesToo) {
    t.notMatch(description, 'component=guard', name)
    t.notMatch(read(`docs/runbooks/${name}.md`), 'component=guard', `the page of ${name}`)
  }
  t.end()
})

t.test('docs/runbooks.md lists every alert with its severity and meaning', (t) => {
  const rows = rowsOf('docs/runbooks.md')
  for (const { name, severity } of alerts) {
    const meaning = read(`docs/runbooks/${name}.md`).split('\n')[2]
    t.has(
      rows.filter(([alert]) => alert?.startsWith(`[${name}]`)),
      [[`[${name}](runbooks/${name}.md)`, severity, meaning]],
    )
  }
  t.end()
})

t.test(
  'every alert that the chart makes points at its page, or at another one that a value names',
  { skip },
  (t) => {
    const settings = [
      'prometheusRule.enabled=true',
      'proxy.longhorn.enabled=true',
      'proxy.kubernetes.enabled=true',
      'proxy.kubernetes.tls.secretName=tls',
    ]
    const linksOf = (...more: readonly string[]) => {
      const rule = render(...set(...settings, ...more)).find(({ kind }) => kind === 'PrometheusRule')
      return [...JSON.stringify(rule).matchAll(/"runbook_url":"([^"]+)"/g)].flatMap(([, link]) => link ?? [])
    }
    const links = linksOf()
    t.equal(links.length, alerts.length)
    for (const link of links) {
      const [, path = ''] = /\/blob\/main\/(.+)$/.exec(link) ?? []
      t.equal(problemOf(path, ''), undefined, link)
    }
    const below = linksOf('prometheusRule.runbookUrl=https://git.example.com/runbooks/')
    t.ok(below.includes('https://git.example.com/runbooks/HoldfastNodeInDanger.md'))
    const elsewhere = linksOf('prometheusRule.runbookUrl=https://wiki.example.com/?page=\\{alert\\}')
    t.ok(elsewhere.includes('https://wiki.example.com/?page=HoldfastNodeInDanger'))
    t.strictSame(linksOf('prometheusRule.runbookUrl='), [])
    t.end()
  },
)

t.test('the links of the dashboard lead to runbooks, or where the alerts lead to', { skip }, (t) => {
  const linksOf = (...settings: readonly string[]) => {
    const made = render(...set('dashboard.enabled=true', ...settings)).find(
      ({ metadata }) => metadata.name === 'holdfast-dashboard',
    )
    const { panels } = JSON.parse(made?.data?.['holdfast.json'] ?? '{}') as { panels: unknown }
    return [...JSON.stringify(panels).matchAll(/"url":"([^"]+)"/g)].flatMap(([, link]) => link ?? [])
  }
  const links = linksOf()
  t.ok(links.length > 20)
  for (const link of links) {
    const [, path = ''] = /\/blob\/main\/(.+)$/.exec(link) ?? []
    if (link.includes('${__value.raw}')) t.match(path, /^docs\/runbooks\/\$\{__value\.raw\}\.md$/)
    else t.equal(problemOf(path, ''), undefined, link)
  }
  const elsewhere = 'https://wiki.example.com/$1?a=1&page='
  const changed = linksOf(`prometheusRule.runbookUrl=${elsewhere}\\{alert\\}`)
  t.strictSame(
    changed,
    links.map((link) => link.replace(/^.*\/([^/]+)\.md$/, (_, page: string) => `${elsewhere}${page}`)),
  )
  t.end()
})

t.test('the index of the docs names every page', (t) => {
  const index = read('docs/README.md')
  for (const page of pages) {
    if (dirname(page) !== 'docs' || page === 'docs/README.md') continue
    t.ok(index.includes(`](${page.slice('docs/'.length)})`), page)
  }
  t.end()
})

t.test('an anchor is made of a heading as GitHub makes it', (t) => {
  t.ok(anchorsOf('docs/security.md').has('somebody-with-patch-on-leases'))
  t.ok(anchorsOf('docs/security.md').has('a-pod-on-the-network'))
  t.notOk(anchorsOf('docs/security.md').has('a-pod'))
  t.end()
})
