import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import t from 'tap'
import { helpUriOf, reportRules, reportRuleTexts } from '../../../src/commands/check/report-rules.ts'
import { ruleNames } from '../../../src/rules/finding.ts'
import { read } from '../../docs/pages.ts'
import type { Ended } from '../holdfast.ts'
import { denied, heldBack, nodeManifest, repository, uuid } from './in-a-repository.ts'

/** OASIS's schema of SARIF 2.1.0. */
function schema(): object {
  const path = createRequire(import.meta.url).resolve(
    '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json',
  )
  // Ajv knows the drafts after 4 only. Of what has changed since, this schema uses nothing but these two.
  return { ...(JSON.parse(readFileSync(path, 'utf8')) as object), id: undefined, $schema: undefined }
}

const validate = new Ajv({
  strict: false,
  allErrors: true,
  unicodeRegExp: false,
  formats: {
    uri: (text: string) => URL.canParse(text),
    'uri-reference': /^[^\s\\]*$/,
    'date-time': /^\d{4}-\d\d-\d\dT/,
  },
}).compile(JSON.parse(JSON.stringify(schema())) as object)

interface Result {
  readonly ruleId: string
  readonly ruleIndex: number
  readonly level: string
  readonly message: { readonly text: string }
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string }
        readonly region: { readonly startLine: number }
      }
    },
  ]
  readonly partialFingerprints: Readonly<Record<string, string>>
}

interface Log {
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
      readonly invocations: readonly object[]
      readonly results: readonly Result[]
    },
  ]
}

function logOf({ stdout }: Ended): Log['runs'][0] {
  return (JSON.parse(stdout) as Log).runs[0]
}

/** `file:line rule level` */
function messages(ended: Ended): string[] {
  return logOf(ended).results.map(({ ruleId, level, locations: [{ physicalLocation }] }) => {
    const { artifactLocation, region } = physicalLocation
    return `${artifactLocation.uri}:${region.startLine} ${ruleId} ${level}`
  })
}

const slips = nodeManifest('node-2', '  evictionReqested: true\n  tags: [a]\n  tags: [b]\n')
const eviction = '{"spec":{"evictionRequested":true}}'

t.test('every report has the form that the schema of SARIF 2.1.0 describes', async (t) => {
  const { write, check } = repository(t)
  const file = await write('a b/ü.yaml', `${heldBack}---\n${denied}---\n${slips}---\na: [\n`)
  const reports = {
    'a file with every kind of problem': await check([file, '-o', 'sarif']),
    'standard input': await check(['-', '-o', 'sarif'], heldBack),
    'a patch': await check(['nodes/node-1', '-p', eviction, '-o', 'sarif']),
    'nothing to judge': await check(['-', '-o', 'sarif'], 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n'),
    'a missing file': await check(['gone.yaml', '-o', 'sarif']),
    'an admitted change': await check(['-', '-o', 'sarif'], nodeManifest('node-2', '  tags: [ssd]\n')),
  }
  for (const [name, { code, stdout }] of Object.entries(reports)) {
    t.ok(validate(JSON.parse(stdout)), name)
    t.strictSame(validate.errors ?? [], [], name)
    t.equal(code, { 'an admitted change': 0, 'standard input': 1, 'a patch': 1 }[name] ?? 2, name)
  }
  t.notOk(validate({ version: '2.1.0', runs: [{}] }), 'the schema rejects what is none')
})

t.test('each problem is at the line of its field, in the file as the repository names it', async (t) => {
  const { write, check } = repository(t)
  const file = await write('a b/ü.yaml', `${heldBack}---\n${denied}---\n${slips}---\na: [\n`)
  t.strictSame(messages(await check(['-f', file, '-o', 'sarif'])), [
    'a%20b/%C3%BC.yaml:9 eviction-during-cleanup error',
    'a%20b/%C3%BC.yaml:15 last-usable-copy error',
    'a%20b/%C3%BC.yaml:15 below-min-copies error',
    'a%20b/%C3%BC.yaml:22 unknown-field error',
    'a%20b/%C3%BC.yaml:24 duplicate-field error',
    'a%20b/%C3%BC.yaml:27 cannot-be-judged error',
  ])
})

t.test('problems in JSON, in lists and in reviews are at their lines', async (t) => {
  const { write, check } = repository(t)
  const node = { apiVersion: 'longhorn.io/v1beta2', kind: 'Node', metadata: { name: 'node-1' } }
  const disks = { a: { path: '/a' }, b: { path: '/b' } }
  const raised = { ...node, spec: { evictionRequested: true, disks } }
  const pretty = (json: object): string => JSON.stringify(json, undefined, 2)
  const list = await write('list.json', pretty({ apiVersion: 'v1', kind: 'List', items: [node, raised] }))
  const status = { diskStatus: { a: { diskUUID: uuid }, b: { diskUUID: 'b-of-1' } } }
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      kind: { group: 'longhorn.io', version: 'v1beta2', kind: 'Node' },
      resource: { group: 'longhorn.io', version: 'v1beta2', resource: 'nodes' },
      name: 'node-1',
      namespace: 'longhorn-system',
      operation: 'UPDATE',
      userInfo: { username: 'anna', groups: [] },
      object: { ...raised, metadata: { ...node.metadata, uid: '1' }, status },
      oldObject: { ...node, metadata: { ...node.metadata, uid: '1' }, spec: { disks }, status },
    },
  }
  const line = (text: string, wanted: string): number =>
    text.split('\n').findIndex((each) => each.includes(wanted)) + 1
  t.strictSame(messages(await check([list, '-o', 'sarif'])), [
    `list.json:${line(readFileSync(list, 'utf8'), 'evictionRequested')} eviction-during-cleanup error`,
  ])
  const file = await write('review.json', pretty(review))
  t.strictSame(messages(await check([file, '-o', 'sarif'])), [
    `review.json:${line(pretty(review), 'evictionRequested')} eviction-during-cleanup error`,
  ])
})

t.test('a patch and standard input stand in for a file, without which GitHub rejects a report', async (t) => {
  const { write, check } = repository(t)
  t.strictSame(messages(await check(['-', '-o', 'sarif'], heldBack)), [
    'standard-input:9 eviction-during-cleanup error',
  ])
  const patched = ['nodes/node-1', '-o', 'sarif', '-p']
  t.strictSame(messages(await check([...patched, eviction])), ['patch:1 eviction-during-cleanup error'])
  const file = await write('patch.yaml', '# evict it\nspec:\n  evictionRequested: true\n')
  t.strictSame(messages(await check([...patched, `@${file}`])), [
    'patch.yaml:3 eviction-during-cleanup error',
  ])
})

t.test('a finding that only warns is a warning, and so is a slip with --no-strict', async (t) => {
  const { check } = repository(t)
  const rule = ['--rule', 'eviction-during-cleanup=warn']
  const warned = await check(['-', '-o', 'sarif', ...rule], heldBack)
  t.strictSame([warned.code, ...messages(warned)], [0, 'standard-input:9 eviction-during-cleanup warning'])
  const lenient = await check(['-', '-o', 'sarif', '--no-strict'], slips)
  t.strictSame(
    [lenient.code, ...messages(lenient)],
    [0, 'standard-input:6 unknown-field warning', 'standard-input:8 duplicate-field warning'],
  )
  const idle = await check(['nodes/node-2', '-o', 'sarif', '-p', '{"spec":{"allowScheduling":true}}'])
  t.strictSame([idle.code, ...messages(idle)], [0, 'patch:1 not-as-meant warning'])
})

t.test('a result keeps its fingerprint when its lines move', async (t) => {
  const { write, check } = repository(t)
  const printsOf = async (content: string): Promise<string[]> => {
    const ended = await check([await write('nodes.yaml', content), '-o', 'sarif'])
    return logOf(ended).results.flatMap(({ partialFingerprints }) => Object.values(partialFingerprints))
  }
  const before = await printsOf(`${heldBack}---\n${denied}`)
  t.strictSame(await printsOf(`# moved\n\n${heldBack}---\n# and this\n${denied}`), before)
  t.equal(new Set(before).size, 3)
})

t.test('a run without a verdict says why, and is no successful execution', async (t) => {
  const { check } = repository(t)
  const { invocations, results } = logOf(await check(['gone.yaml', '-o', 'sarif']))
  t.match(invocations, [
    {
      executionSuccessful: false,
      exitCode: 2,
      toolExecutionNotifications: [{ level: 'error', message: { text: /gone\.yaml: / } }],
    },
  ])
  t.strictSame(results, [])
  const empty = await check(['-', '-o', 'sarif'], '')
  t.strictSame([empty.code, ...messages(empty)], [2, 'standard-input:1 cannot-be-judged error'])
})

t.test('every rule is in the report, with the sentence of README and a section of the docs', async (t) => {
  const { check } = repository(t)
  const ended = await check(['-', '-o', 'sarif'], heldBack)
  const { tool, results } = logOf(ended)
  t.strictSame(
    tool.driver.rules.map(({ id }) => id),
    reportRules,
  )
  for (const { ruleId, ruleIndex } of results) t.equal(tool.driver.rules[ruleIndex]?.id, ruleId)
  const readme = read('README.md')
  for (const rule of ruleNames) {
    const text = reportRuleTexts[rule].replace(/\.$/, '')
    const inReadme = text.charAt(0).toLowerCase() + text.slice(1).replaceAll('’', "'")
    t.ok(readme.replaceAll('`', '').includes(`| ${rule} | ${inReadme} |`), rule)
  }
  for (const rule of reportRules) {
    const [, page = '', anchor = ''] = /\/(docs\/.*)#(.*)$/.exec(helpUriOf(rule)) ?? []
    t.match(read(page), new RegExp(`^#+ ${anchor.replaceAll('-', '[- ]')}$`, 'im'), helpUriOf(rule))
  }
})
