import t from 'tap'
import { releaseNotes } from '../../.github/scripts/notes.ts'
import { read } from '../docs/pages.ts'

const changelog = `# Changelog

By hand.

## 1.3.0, not released yet

- Newer.

## 1.2.3-rc.1, 2027-01-02

- A candidate.

## 1.2.3, 2027-01-31

- First.
- Second, with \`## code\`.

## 1.2.2

## 0.1.0, 2026-12-01

- Begun.
`

t.test('the notes of a release are its section of the changelog', (t) => {
  t.equal(releaseNotes(changelog, '1.2.3'), '- First.\n- Second, with `## code`.\n')
  t.equal(releaseNotes(changelog, '1.2.3-rc.1'), '- A candidate.\n')
  t.equal(releaseNotes(changelog, '0.1.0'), '- Begun.\n')
  t.end()
})

t.test('a version without notes, or one that is not released, is no release', (t) => {
  t.throws(() => releaseNotes(changelog, '1.3.0'), /says "1\.3\.0, not released yet"/)
  t.throws(() => releaseNotes(changelog, '1.2.2'), /is empty/)
  t.throws(() => releaseNotes(changelog, '1.2'), /no section ## 1\.2$/)
  t.throws(() => releaseNotes(changelog, '2.0.0'), /no section ## 2\.0\.0/)
  t.end()
})

t.test('the changelog has a section for each version, the newest on top', (t) => {
  const headings = [...read('CHANGELOG.md').matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading)
  t.ok(headings.length > 0)
  for (const heading of headings)
    t.match(heading, /^\d+\.\d+\.\d+(-[\w.]+)?, (\d{4}-\d\d-\d\d|not released yet)$/, heading)
  const sorted = headings.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  t.strictSame(headings, sorted)
  t.end()
})
