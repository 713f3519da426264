import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { skip } from '../charts/helm.ts'
import { render, set } from '../charts/rendered.ts'
import { root } from '../fixtures/root.ts'
import { anchorsOf, pages, read } from './pages.ts'

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

t.test('every alert of the chart has a section in docs/runbooks.md', (t) => {
  const rules = read('charts/holdfast/templates/prometheusrule.yaml')
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].flatMap(([, name]) => name ?? [])
  t.ok(alerts.length > 15)
  const anchors = anchorsOf('docs/runbooks.md')
  for (const alert of alerts) t.ok(anchors.has(alert.toLowerCase()), alert)
  t.end()
})

t.test('every alert that the chart makes points at its section', { skip }, (t) => {
  const settings = [
    'prometheusRule.enabled=true',
    'proxy.longhorn.enabled=true',
    'proxy.kubernetes.enabled=true',
  ]
  const tls = 'proxy.kubernetes.tls.secretName=tls'
  const rule = render(...set(...settings, tls)).find(({ kind }) => kind === 'PrometheusRule')
  const links = [...JSON.stringify(rule).matchAll(/"runbook_url":"([^"]+)"/g)].flatMap(
    ([, link]) => link ?? [],
  )
  t.ok(links.length > 15)
  for (const link of links) {
    const [, path = '', anchor = ''] = /\/blob\/main\/(.+)#(.+)$/.exec(link) ?? []
    t.equal(problemOf(path, anchor), undefined, link)
  }
  t.notMatch(JSON.stringify(render(...set(...settings, tls, 'prometheusRule.runbookUrl='))), 'runbook_url')
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
