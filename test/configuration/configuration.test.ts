import fc from 'fast-check'
import t from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { type Layer, layerFromFile, layerFromTexts, nearest } from '../../src/configuration/layer.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import { parseSize } from '../../src/configuration/size.ts'
import { parseDuration } from '../../src/time/duration.ts'

const flags = (name: string) => `--${name}`

function problems(layer: Layer): readonly string[] {
  return layer.ok ? [] : layer.problems
}

function settings(layer: Layer): Settings {
  if (!layer.ok) throw new Error(layer.problems.join('\n'))
  return layer.settings
}

t.test('durations', (t) => {
  const table: [string, number | undefined][] = [
    ['500ms', 500],
    ['5s', 5_000],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
    ['0s', 0],
    ['5', undefined],
    ['5 s', undefined],
    ['-5s', undefined],
    ['', undefined],
    ['5d', undefined],
  ]
  for (const [text, milliseconds] of table) t.equal(parseDuration(text), milliseconds, text || '(empty)')
  t.end()
})

t.test('sizes', (t) => {
  const table: [string, number | undefined][] = [
    ['4096', 4_096],
    ['512Ki', 524_288],
    ['50Mi', 52_428_800],
    ['1Gi', 1_073_741_824],
    ['0', undefined],
    ['5MB', undefined],
    ['', undefined],
  ]
  for (const [text, bytes] of table) t.equal(parseSize(text), bytes, text || '(empty)')
  const wrong = layerFromTexts({ auditFileSize: 'large' }, flags)
  t.strictSame(problems(wrong), ['--auditFileSize: "large" must be a size such as 512Ki or 50Mi'])
  t.end()
})

t.test('the mode of the whole guard is the most that any rule does', (t) => {
  const modesOf = (given: Settings) => configure([given]).policy.modes
  const rules = { 'copy-in-use': 'off', 'last-usable-copy': 'warn' } as const
  t.match(modesOf({ rules, mode: 'warn' }), {
    'copy-in-use': 'off',
    'last-usable-copy': 'warn',
    'eviction-during-cleanup': 'warn',
  })
  t.same(new Set(Object.values(modesOf({ mode: 'off' }))), new Set(['off']))
  t.match(modesOf({ mode: 'enforce', rules }), { 'copy-in-use': 'off', 'evict-unready-copy': 'enforce' })
  t.end()
})

t.test('lists are written with commas, and their items are checked', (t) => {
  const given = { overrideGroups: 'storage-admins, sre', overrideExcept: 'last-usable-copy' }
  t.strictSame(settings(layerFromTexts(given, flags)), {
    overrideGroups: ['storage-admins', 'sre'],
    overrideExcept: ['last-usable-copy'],
  })
  const { policy, auditFile } = configure([
    { ...settings(layerFromTexts(given, flags)), auditFile: '/tmp/audit.log', auditFileSize: '1Mi' },
  ])
  t.strictSame(policy.override, {
    groups: ['storage-admins', 'sre'],
    except: new Set(['last-usable-copy']),
  })
  t.strictSame(auditFile, { path: '/tmp/audit.log', maxBytes: 1_048_576, keep: 5 })
  t.match(problems(layerFromTexts({ overrideExcept: 'copy-in-us' }, flags)), [/must be one of.*copy-in-use/])
  t.end()
})

t.test('a word is guessed only when one is near', (t) => {
  t.equal(nearest('halthPort', ['port', 'healthPort']), 'healthPort')
  t.equal(nearest('zebra', ['port', 'healthPort']), undefined)
  t.equal(nearest('port', []), undefined)
  t.end()
})

t.test('without any setting every rule is enforced and the defaults hold', (t) => {
  const configuration = configure([])
  t.match(configuration, {
    port: 8443,
    healthPort: 8080,
    maxAgeMs: 120_000,
    retryAfterSeconds: 2,
    lingerMs: 10_000,
    logFormat: 'auto',
    logLevel: 'info',
    policy: { longhornNamespace: 'longhorn-system', release: undefined, stuckAfterMs: 300_000 },
  })
  t.strictSame([...new Set(Object.values(configuration.policy.modes))], ['enforce'])
  t.end()
})

t.test('flags win over variables, variables over the file, and rules are set one by one', (t) => {
  const configuration = configure([
    settings(layerFromTexts({ port: '1', rules: 'copy-in-use=warn' }, flags)),
    settings(layerFromTexts({ port: '2', host: '127.0.0.1' }, flags)),
    settings(
      layerFromFile(
        'port: 3\nhost: "::"\nhealthPort: 4\nrules:\n  copy-in-use: off\n  below-min-copies: off\n',
        'f',
      ),
    ),
  ])
  t.match(configuration, { port: 1, host: '127.0.0.1', healthPort: 4 })
  t.equal(configuration.policy.modes['copy-in-use'], 'warn')
  t.equal(configuration.policy.modes['below-min-copies'], 'off')
  t.equal(configuration.policy.modes['last-usable-copy'], 'enforce')
  t.end()
})

t.test('a client never gets Retry-After 0', (t) => {
  t.equal(configure([{ retryAfter: '100ms' }]).retryAfterSeconds, 1)
  t.equal(configure([{ retryAfter: '3s' }]).retryAfterSeconds, 3)
  t.end()
})

t.test('an empty file is an empty configuration', (t) => {
  t.strictSame(layerFromFile('', 'holdfast.yaml'), { ok: true, settings: {} })
  t.strictSame(layerFromFile('# nothing yet\n', 'holdfast.yaml'), { ok: true, settings: {} })
  t.end()
})

t.test('an unknown key is an error with its line and the nearest known key', (t) => {
  t.strictSame(problems(layerFromFile('port: 1\nhalthPort: 2\n', 'holdfast.yaml')), [
    'holdfast.yaml:2: unknown key "halthPort"; did you mean "healthPort"?',
  ])
  t.strictSame(problems(layerFromFile('rules:\n  copy-in-us: warn\n', 'holdfast.yaml')), [
    'holdfast.yaml:2: there is no rule "copy-in-us"; did you mean "copy-in-use"?',
  ])
  t.strictSame(problems(layerFromFile('zebra: 1\n', 'holdfast.yaml')), [
    'holdfast.yaml:1: unknown key "zebra"',
  ])
  t.end()
})

t.test('all errors of a file are reported at once, with lines and values', (t) => {
  const text = 'port: high\nstuckAfter: 5\nrules:\n  copy-in-use: sometimes\nlogLevel: loud\nmaxAge: soon\n'
  t.strictSame(problems(layerFromFile(text, 'f')), [
    'f:1: port is "high", but must be a port, 0 to 65535',
    'f:4: rules.copy-in-use is "sometimes", but must be one of enforce, warn, off',
    'f:2: stuckAfter is 5, but must be a text',
    'f:6: maxAge is "soon", but must be a duration such as 500ms, 5s or 1m30s',
    'f:5: logLevel is "loud", but must be one of debug, info, warn, error, silent',
  ])
  t.end()
})

t.test('a file that is no YAML, or not a map, is a clear error', (t) => {
  t.match(problems(layerFromFile('a: [1', 'f')), [/^f: .*line 1/s])
  t.strictSame(problems(layerFromFile('- 1\n', 'f')), ['f: [1] must be a map of keys and values'])
  t.match(problems(layerFromFile('port: *nowhere', 'f')), [/^f: line 1: an alias/])
  t.end()
})

t.test('a wrong flag or variable is called by its name', (t) => {
  t.strictSame(problems(layerFromTexts({ healthPort: '99999' }, flags)), [
    '--healthPort: 99999 must be a port, 0 to 65535',
  ])
  t.strictSame(problems(layerFromTexts({ port: 'x' }, flags)), ['--port: "x" must be a port, 0 to 65535'])
  t.strictSame(problems(layerFromTexts({ rules: 'copy-in-use' }, flags)), [
    '--rules: copy-in-use needs a mode: copy-in-use=enforce, copy-in-use=warn, copy-in-use=off',
  ])
  t.strictSame(problems(layerFromTexts({ rules: 'copy-in-usee=warn' }, flags)), [
    '--rules: there is no rule "copy-in-usee"; did you mean "copy-in-use"?',
  ])
  t.end()
})

t.test('an invalid release is an error, in every place', (t) => {
  for (const text of ['latest', 'stable', 'main', 'v1', '1.8', 'master-head', '105.1.0', 'v1.8.0 ', '']) {
    const must = `${JSON.stringify(text)} must be a release such as v1.8.0, v1.9.0-rc1 or v1.9.x-head`
    t.strictSame(problems(layerFromTexts({ longhornRelease: text }, flags)), [`--longhornRelease: ${must}`])
    t.match(problems(layerFromFile(`longhornRelease: ${JSON.stringify(text)}\n`, 'f')), [
      /^f:1: longhornRelease is ".*", but must be a release such as v1\.8\.0/,
    ])
  }
  for (const text of ['v1.8.0', '1.8.2-rancher1', 'v1.9.x-head', '105.1.0+up1.8.1'])
    t.strictSame(settings(layerFromTexts({ longhornRelease: text }, flags)), { longhornRelease: text })
  t.end()
})

t.test('no text makes reading throw', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      layerFromFile(text, 'f')
      layerFromTexts({ rules: text, port: text, stuckAfter: text }, flags)
    }),
  )
  t.end()
})

t.test('an invalid value yields one problem, even if its setting accepts several types', (t) => {
  for (const text of ['logLevel: ~', 'logLevel: loud', 'mode: 1', 'maxHolds: ~']) {
    const layer = layerFromFile(text, 'holdfast.yaml')
    t.equal(layer.ok ? 0 : layer.problems.length, 1, text)
  }
  t.end()
})
