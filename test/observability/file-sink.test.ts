import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recordIn } from '../../src/commands/audit/query.ts'
import { type DropReason, FileSink, type FileSinkOptions } from '../../src/observability/audit-file.ts'
import type { AuditRecord } from '../../src/observability/audit-record.ts'
import type { ReopenReason } from '../../src/observability/record-file.ts'
import { turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { FakeFiles } from './fake-files.ts'
import { record } from './records.ts'

/** How long the answers of a test can wait, in milliseconds. */
const patience = 10_000

/** A sink, and its reports. */
function reporting(path: string, options: Partial<FileSinkOptions>) {
  const dropped: (readonly [string, DropReason])[] = []
  const reopened: ReopenReason[] = []
  const kept: unknown[] = []
  const clock = new FakeClock()
  const sink = new FileSink({
    path,
    maxBytes: 1_000_000,
    keep: 2,
    clock,
    onDropped: ({ object }, reason) => dropped.push([object.name, reason]),
    onReopened: (reason) => reopened.push(reason),
    onKept: (error) => kept.push(error),
    ...options,
  })
  const write = (name: string, parts: Partial<AuditRecord> = {}, withinMs = patience) =>
    Promise.resolve(sink.write(record({ object: { kind: 'Node', name }, ...parts }), withinMs))
  return { sink, write, clock, dropped, reopened, kept }
}

/** A sink on the disk of this machine. */
function filing(t: Test, options: Partial<FileSinkOptions> = {}) {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  const reported = reporting(path, options)
  t.teardown(() => reported.sink.stop())
  const names = async (name: string) => namesIn(await readFile(join(folder, name), 'utf8'))
  return { folder, path, names, ...reported }
}

/** A sink on a disk in the hands of the test. */
function onFakeDisk(options: Partial<FileSinkOptions> = {}) {
  const files = new FakeFiles()
  const reported = reporting('audit.log', { files, ...options })
  const names = (path = 'audit.log') => namesIn(files.paths.get(path)?.text ?? '')
  return { files, names, ...reported }
}

/** As `holdfast audit` reads them. */
function namesIn(text: string): string[] {
  return text.split('\n').flatMap((line) => recordIn(line)?.object.name ?? [])
}

const warning = { verdict: 'allow' } as const
const never = new Promise<void>(() => undefined)

t.test('a record is in the file, for its owner and group only, before it counts as written', async (t) => {
  const { path, write, names } = filing(t)
  await write('n1')
  t.strictSame(await names('audit.log'), ['n1'])
  t.equal((await stat(path)).mode & 0o777, 0o640)
  await write('n2')
  t.strictSame(await names('audit.log'), ['n1', 'n2'])
})

t.test('a file that is full is put aside, and only the youngest are kept', async (t) => {
  const { folder, write, names } = filing(t, { maxBytes: 10 })
  for (const name of ['n1', 'n2', 'n3', 'n4']) await write(name)
  t.strictSame((await readdir(folder)).sort(), ['audit.log', 'audit.log.1', 'audit.log.2'])
  t.strictSame(await names('audit.log'), ['n4'])
  t.strictSame(await names('audit.log.1'), ['n3'])
  t.strictSame(await names('audit.log.2'), ['n2'])
})

t.test('a file that cannot be put aside grows on, and is tried again later', async (t) => {
  const { files, write, names, kept, dropped } = onFakeDisk({ maxBytes: 10 })
  let readOnly = true
  files.trouble = (what) => {
    if (what === 'rename' && readOnly) throw new Error('EACCES')
  }
  await write('n1')
  await write('n2')
  t.strictSame(names(), ['n1', 'n2'])
  t.equal(kept.length, 1)
  readOnly = false
  await write('n3')
  t.strictSame([names('audit.log.1'), names()], [['n1', 'n2'], ['n3']])
  t.strictSame(dropped, [])
})

t.test('an unwritable record is reported, and the next one is tried again', async (t) => {
  const { path, write, dropped, names } = filing(t)
  await mkdir(path)
  await write('n1')
  t.strictSame(dropped, [['n1', 'write-failed']])
  await rm(path, { recursive: true })
  await write('n2')
  t.strictSame(await names('audit.log'), ['n2'])
})

t.test('a line that a full disk has cut short takes no other with it', async (t) => {
  const { files, write, dropped, names } = onFakeDisk()
  await write('n1')
  files.room = 40
  await write('n2')
  await write('n3')
  files.room = Infinity
  await write('n4')
  await write('n5')
  t.strictSame(names(), ['n1', 'n4', 'n5'])
  t.strictSame(dropped, [
    ['n2', 'write-failed'],
    ['n3', 'write-failed'],
  ])
})

t.test('a line that a killed guard has left unfinished takes no other with it', async (t) => {
  const { path, write, names } = filing(t)
  await writeFile(path, '{"schema":"holdfast.dev/audit/v1","time":"20')
  await write('n1')
  await write('n2')
  t.strictSame(await names('audit.log'), ['n1', 'n2'])
  t.equal(
    (await readFile(path, 'utf8')).split('\n').length,
    4,
    'each record has one line, and no line is empty',
  )
})

t.test('a file that is moved or deleted is reopened and reported', async (t) => {
  const { folder, path, write, names, reopened } = filing(t)
  await write('n1')
  await rename(path, join(folder, 'moved'))
  await write('n2')
  t.strictSame([await names('moved'), await names('audit.log')], [['n1'], ['n2']])
  await rm(path)
  await write('n3')
  t.strictSame(await names('audit.log'), ['n3'])
  t.strictSame(reopened, ['moved', 'moved'])
})

t.test('a file is reopened on request', async (t) => {
  const { files, sink, write, names, reopened } = onFakeDisk()
  sink.reopen()
  await write('n1')
  t.strictSame(reopened, [], 'a file that is not open yet is not reopened')
  sink.reopen()
  let opened = 0
  files.trouble = (what) => void (opened += Number(what === 'open'))
  await write('n2')
  await write('n3')
  t.strictSame([opened, reopened, names()], [1, ['asked'], ['n1', 'n2', 'n3']])
})

for (const hanging of ['open', 'look', 'append'] as const) {
  t.test(`an answer waits for a disk that hangs on ${hanging} no longer than its request can`, async (t) => {
    const { files, write, clock, dropped, sink } = onFakeDisk()
    files.trouble = (what) => (what === hanging ? never : undefined)
    let answered = false
    const first = write('n1', {}, 700).then(() => (answered = true))
    await turns()
    clock.advance(699)
    await turns()
    t.equal(answered, false)
    clock.advance(1)
    await first
    t.strictSame(dropped, [['n1', 'late']])
    await write('n2', {}, 700)
    t.strictSame(
      dropped.at(-1),
      ['n2', 'late'],
      'the second record does not wait, since the disk already hangs',
    )
    const stopped = sink.stop()
    clock.advance(2_000)
    await stopped
    t.equal(clock.pending, 0)
  })
}

t.test('no answer waits for long, whatever the time of its request', async (t) => {
  const { files, write, clock, dropped } = onFakeDisk()
  files.trouble = () => never
  const first = write('n1', {}, 300_000)
  clock.advance(2_000)
  await first
  t.strictSame(dropped, [['n1', 'late']])
})

t.test('a disk that recovers takes the late records, and answers wait for it again', async (t) => {
  const { files, write, clock, dropped, names } = onFakeDisk()
  let comeBack: () => void = () => undefined
  const back = new Promise<void>((resolve) => (comeBack = resolve))
  files.trouble = () => back
  const first = write('n1')
  clock.advance(2_000)
  await first
  await write('n2')
  comeBack()
  await turns()
  t.strictSame(names(), ['n1', 'n2'])
  await write('n3')
  t.strictSame(names(), ['n1', 'n2', 'n3'])
  t.strictSame(dropped, [
    ['n1', 'late'],
    ['n2', 'late'],
  ])
  t.equal(clock.pending, 0)
})

t.test('records that wait for a disk that hangs are bounded, and denials are dropped last', (t) => {
  const size = JSON.stringify(record()).length
  const { files, write, dropped } = onFakeDisk({ limits: { queueSize: size * 4 } })
  files.trouble = () => never
  for (const name of ['w1', 'w2']) void write(name, warning)
  for (const name of ['d1', 'd2', 'd3']) void write(name)
  t.strictSame(dropped, [
    ['w2', 'queue-full'],
    ['d3', 'queue-full'],
  ])
  t.end()
})

t.test('stopping waits for the current write', async (t) => {
  const { files, sink, write, names } = onFakeDisk()
  let go: () => void = () => undefined
  const slow = new Promise<void>((resolve) => (go = resolve))
  files.trouble = () => slow
  void write('n1')
  const stopped = sink.stop()
  go()
  await stopped
  t.strictSame(names(), ['n1'])
})
