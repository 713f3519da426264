import t from 'tap'
import { readRescueNote, rescueNoteText } from '../../src/longhorn/rescue-note.ts'

const note = { node: true, disks: ['disk-1', 'disk-2'], at: '2026-11-30T03:00:00Z', by: 'ann' }

t.test('a note is read as it was written', (t) => {
  t.strictSame(readRescueNote(rescueNoteText(note)), { ok: true, value: note })
  t.end()
})

t.test('disks are sorted, each once', (t) => {
  const edited = rescueNoteText({ ...note, disks: ['disk-2', 'disk-1', 'disk-2'] })
  t.strictSame(readRescueNote(edited), { ok: true, value: note })
  t.end()
})

t.test('an edited note that is not one says why', (t) => {
  t.strictSame(readRescueNote('{'), { ok: false, problem: 'it is not JSON' })
  t.match(readRescueNote('{"node": "yes"}'), { ok: false, problem: /disks|node/ })
  t.end()
})
