import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FileSink, type DropReason, type FileSinkOptions } from '../../src/audit/file-sink.ts'
import type { AuditRecord } from '../../src/audit/record.ts'
import { record } from './records.ts'

function filing(t: Test, options: Partial<FileSinkOptions> = {}) {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  const dropped: (readonly [AuditRecord, DropReason])[] = []
  const sink = new FileSink({
    path,
    maxBytes: 1_000_000,
    keep: 2,
    queue: 10,
    onDropped: (record, reason) => dropped.push([record, reason]),
    ...options,
  })
  t.teardown(() => sink.stop())
  const names = async (name: string) =>
    (await readFile(join(folder, name), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as AuditRecord).object.name)
  return { folder, path, sink, dropped, names }
}

const of = (name: string, parts: Partial<AuditRecord> = {}) =>
  record({ object: { kind: 'Node', name }, ...parts })

t.test('a record is in the file, for its owner and group only, before it counts as written', async (t) => {
  const { path, sink, names } = filing(t)
  await sink.write(of('n1'))
  t.strictSame(await names('audit.log'), ['n1'])
  t.equal((await stat(path)).mode & 0o777, 0o640)
  await sink.write(of('n2'))
  t.strictSame(await names('audit.log'), ['n1', 'n2'])
})

t.test('a file that is full is put aside, and only the youngest are kept', async (t) => {
  const { folder, sink, names } = filing(t, { maxBytes: 10 })
  for (const name of ['n1', 'n2', 'n3', 'n4']) await sink.write(of(name))
  t.strictSame((await readdir(folder)).sort(), ['audit.log', 'audit.log.1', 'audit.log.2'])
  t.strictSame(await names('audit.log.1'), ['n4'])
  t.strictSame(await names('audit.log.2'), ['n3'])
})

t.test('while the disk is slow, warnings are dropped and counted, denials never', async (t) => {
  const { sink, dropped, names } = filing(t, { queue: 2 })
  const writing = ['n1', 'n2', 'n3', 'n4'].flatMap((name) => [
    sink.write(of(name)),
    sink.write(of(`warned-${name}`, { verdict: 'allow' })),
  ])
  for (const written of writing) await written
  t.strictSame(
    (await names('audit.log')).filter((name) => !name.startsWith('warned')),
    ['n1', 'n2', 'n3', 'n4'],
  )
  t.ok(dropped.length > 0)
  for (const [{ verdict }, reason] of dropped) t.strictSame([verdict, reason], ['allow', 'queue-full'])
})

t.test('what cannot be written is told, and the next is tried again', async (t) => {
  const { path, sink, dropped, names } = filing(t)
  await mkdir(path)
  await sink.write(of('n1'))
  t.match(dropped, [[{ object: { name: 'n1' } }, 'write-failed']])
  await rm(path, { recursive: true })
  await sink.write(of('n2'))
  t.strictSame(await names('audit.log'), ['n2'])
})
