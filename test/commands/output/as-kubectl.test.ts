import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { customColumns, parseColumns } from '../../../src/commands/output/custom-columns.ts'
import { TemplateProblem } from '../../../src/commands/output/jsonpath/nodes.ts'
import { parseTemplate } from '../../../src/commands/output/jsonpath/parse.ts'
import { printTemplate } from '../../../src/commands/output/jsonpath/print.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { kubectls, withoutKubectl } from '../../fixtures/kubectl.ts'
import { templates } from './templates.ts'

const run = promisify(execFile)
const [kubectl = 'kubectl'] = kubectls

/** A document with all kinds of values, as kubectl reads an object. */
const document = {
  apiVersion: 'holdfast.dev/v1',
  kind: 'Status',
  metadata: { name: 'x', labels: { 'holdfast.dev/zone': 'a', plain: 'b' } },
  longhorn: { release: 'v1.8.0', assumed: false, none: null },
  nodes: [
    {
      name: 'node-1',
      state: 'danger',
      copies: 3,
      share: 1.5,
      small: 0.00001,
      ready: true,
      gone: null,
      disks: [{ name: 'd1', uuid: 'u<1>&' }, { name: 'd2' }],
    },
    { name: 'node-2', state: 'ok', copies: 12, share: 2.25, ready: false, disks: [] },
    { name: "o'neil (x)", state: 'cleaning up', copies: 0, disks: [{ name: 'd3', uuid: 'u3' }] },
  ],
  numbers: [5, 1, 4, 2, 3],
  matrix: [
    [1, 2],
    [3, 4],
  ],
  one: { only: { deep: 'value' } },
  empty: [],
  text: 'line é\u4e2d',
}

function here(template: string, asJson: boolean): string {
  try {
    return printTemplate(parseTemplate(template), document, asJson)
  } catch (error) {
    if (error instanceof TemplateProblem) return 'a problem'
    throw error
  }
}

/** @param home where kubectl keeps what it remembers */
async function asked(args: readonly string[], home: string): Promise<string> {
  const { stdout } = await run(kubectl, args, { env: { HOME: home } })
  return stdout
}

async function there(file: string, template: string, format: string): Promise<string> {
  const patch = ['patch', '--local', '-f', file, '--type', 'merge', '-p', '{}', '--kubeconfig', '/dev/null']
  try {
    return await asked([...patch, '-o', `${format}=${template}`], dirname(file))
  } catch {
    return 'a problem'
  }
}

t.test('a template writes what kubectl writes of the same document', { skip: withoutKubectl }, async (t) => {
  const file = join(t.testdir(), 'document.json')
  await writeFile(file, JSON.stringify(document))
  for (let at = 0; at < templates.length; at += 4) {
    const some = templates.slice(at, at + 4)
    const outputs = await Promise.all(some.map((template) => there(file, template, 'jsonpath')))
    for (const [index, template] of some.entries()) t.equal(here(template, false), outputs[index], template)
  }
  for (const template of ['{.nodes[*].name}', '{.nodes[0].disks}', 'a{.kind}b', '{.empty[*]}'])
    t.equal(here(template, true), await there(file, template, 'jsonpath-as-json'), `${template} as JSON`)
})

t.test('own columns are those of kubectl', { skip: withoutKubectl }, async (t) => {
  const { kubeconfig } = await embeddedCluster(t, { nodes: 2, images: 2 })
  const file = join(t.testdir(), 'kubeconfig')
  await writeFile(file, kubeconfig)
  const get = async (...more: string[]) => {
    const all = ['get', 'backingimages.longhorn.io', '--kubeconfig', file, '--namespace', 'longhorn-system']
    return await asked([...all, ...more], dirname(file))
  }
  const { items } = JSON.parse(await get('-o', 'json')) as { items: unknown[] }
  const specs = [
    'NAME:.metadata.name',
    'NAME:.metadata.name,A:{.kind},SOURCE:spec.sourceType,NONE:.spec.nothing',
    'A:.kind,B:.spec.minNumberOfCopies,C:{metadata.name}',
    'ALL:.spec.sourceParameters,LAST:.metadata.namespace',
    'PART:.metadata',
    'A:',
  ]
  for (const spec of specs) {
    const columns = parseColumns(spec)
    if (spec !== 'PART:.metadata')
      t.equal(customColumns(columns, items, true), await get('-o', `custom-columns=${spec}`), spec)
    t.equal(
      customColumns(columns, items, false),
      await get('-o', `custom-columns=${spec}`, '--no-headers'),
      `${spec} without headings`,
    )
  }
})
