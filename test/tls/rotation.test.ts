import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { nextRotationStep } from '../../src/tls/rotation.ts'
import { OwnCertificates } from '../../src/tls/self-managed.ts'
import { caBundle, type Kept, type KeptAuthority, type PemPair } from '../../src/tls/stored.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { depth } from '../fixtures/thorough.ts'
import { DecidedElection, MemoryStore, MemoryTrust } from './kept-in-memory.ts'

const day = 86_400_000
const names = ['holdfast.holdfast.svc']
const server = { dns: names, ips: [] }
const signal = new AbortController().signal

/** An authority of this age, and a certificate that it has signed just now. */
async function madeAgo(ageMs: number, clock: FakeClock): Promise<Kept> {
  const authority = await makeAuthority({ now: () => clock.now() - ageMs })
  const serving = await issueServing(authority, server, clock)
  return { authority, next: undefined, previous: undefined, serving }
}

/** A certificate that an authority has signed while its clock was a day ahead. */
async function servedAhead(authority: KeptAuthority, clock: FakeClock): Promise<PemPair> {
  const pair = { cert: authority.cert, key: authority.key ?? '' }
  return await issueServing(pair, server, { now: () => clock.now() + day })
}

/** All that a machine with this clock makes. */
async function madeBy(clock: { now(): number }): Promise<Kept> {
  const authority = await makeAuthority(clock)
  const serving = await issueServing(authority, server, clock)
  return { authority, next: undefined, previous: undefined, serving }
}

t.test('the stored certificates are read, and the next step follows', async (t) => {
  const clock = new FakeClock()
  const sound = await madeAgo(0, clock)
  const old = await madeAgo(3_570 * day, clock)
  const ancient = await madeAgo(3_640 * day, clock)
  const aging = await madeAgo(3_650 * day - 547 * day, clock)
  const other = await madeAgo(0, clock)
  const next = await makeAuthority(clock)
  const aheadNext = await makeAuthority({ now: () => clock.now() + day })
  const ahead = await madeBy({ now: () => clock.now() + day })
  const leafAhead = { ...sound, serving: sound.authority && (await servedAhead(sound.authority, clock)) }
  const keyless = sound.authority && { cert: sound.authority.cert, key: undefined }
  const table: [string, Kept, { laterMs?: number; settledMs?: number; names?: string[] }, string, RegExp?][] =
    [
      ['nothing', { ...sound, authority: undefined, serving: undefined }, {}, 'begin', /no authority yet/],
      ['all is well', sound, {}, 'nothing'],
      ['no certificate', { ...sound, serving: undefined }, {}, 'issue', /no serving certificate/],
      ['a certificate that is none', { ...sound, serving: { cert: 'x', key: 'y' } }, {}, 'issue', /be read/],
      [
        'one of another authority',
        { ...sound, serving: other.serving },
        {},
        'issue',
        /the authority has not signed/,
      ],
      [
        'the key of another',
        { ...sound, serving: { cert: sound.serving?.cert ?? '', key: other.serving?.key ?? '' } },
        {},
        'issue',
        /key does not belong to the serving/,
      ],
      [
        'no key at all',
        { ...sound, serving: { cert: sound.serving?.cert ?? '', key: '' } },
        {},
        'issue',
        /key does not belong to the serving/,
      ],
      ['another name', sound, { names: ['else.svc'] }, 'issue', /not for else\.svc/],
      ['89 days left', sound, { laterMs: 276 * day }, 'issue', /certificate is about to expire/],
      ['91 days left', sound, { laterMs: 274 * day }, 'nothing'],
      ['expired', sound, { laterMs: 366 * day }, 'issue', /certificate has expired/],
      [
        'made by a clock a day ahead',
        ahead,
        {},
        'begin',
        /not valid yet: the clock of its maker.*the authority is not valid yet/,
      ],
      ['the certificate alone made so', leafAhead, {}, 'issue', /serving certificate is not valid yet/],
      ['an announced authority made so', { ...old, next: aheadNext }, { settledMs: day }, 'announce'],
      ['an authority with 80 days left', old, {}, 'announce', /authority is about to expire/],
      ['an authority without key', { ...sound, authority: keyless }, {}, 'announce', /key of the authority/],
      [
        'an authority with another key',
        { ...sound, authority: { cert: sound.authority?.cert ?? '', key: next.key } },
        {},
        'announce',
        /key of the authority does not belong/,
      ],
      ['announced just now', { ...old, next }, { settledMs: 59_999 }, 'nothing'],
      ['announced for a minute', { ...old, next }, { settledMs: 60_000 }, 'change', /published/],
      // A certificate of 80 days: it is urgent after seven ninths of them.
      ['announced, unsettled, 19 days left', { ...old, next }, { laterMs: 61 * day }, 'nothing'],
      ['announced, unsettled, 17 days left', { ...old, next }, { laterMs: 63 * day }, 'change', /is ready/],
      ['89 days left, its authority with 271', aging, { laterMs: 276 * day }, 'issue'],
      ['87 days left, its authority with 269', aging, { laterMs: 278 * day }, 'announce', /not long after/],
      ['announced, and broken', { ...old, next: { cert: 'x', key: 'y' } }, { settledMs: day }, 'announce'],
      ['nothing left that signs', ancient, { laterMs: 11 * day }, 'begin', /expired, and the authority has/],
      ['an authority that is none', { ...sound, authority: sound.serving }, {}, 'begin', /not of an auth/],
      ['one that cannot be read', { ...sound, authority: { cert: 'x', key: 'y' } }, {}, 'begin', /be read/],
      ['the next one is at hand', { ...ancient, next }, { laterMs: 11 * day }, 'change'],
      ['changed just now', { ...sound, previous: next.cert }, { settledMs: 3_599_999 }, 'nothing'],
      ['changed an hour ago', { ...sound, previous: next.cert }, { settledMs: 3_600_000 }, 'forget'],
      ['the one before is unreadable', { ...sound, previous: 'x' }, {}, 'forget'],
    ]
  for (const [what, kept, { laterMs = 0, settledMs = 0, names: called = names }, step, why] of table) {
    const found = nextRotationStep(kept, { now: clock.now() + laterMs, names: called, settledMs })
    t.equal(found.step, step, what)
    if (why) t.match(found, { why }, what)
  }
})

t.test('the bundle is the same text for the same authorities, and leaves out unreadable ones', async (t) => {
  const clock = new FakeClock()
  const [one, two] = [await makeAuthority(clock), await makeAuthority(clock)]
  const before = caBundle({ authority: one, next: two, previous: undefined })
  t.equal(caBundle({ authority: two, next: undefined, previous: one.cert }), before)
  t.equal(caBundle({ authority: two, next: one, previous: one.cert }), before)
  t.equal(before.match(/BEGIN CERTIFICATE/g)?.length, 2)
  t.equal(caBundle({ authority: { cert: 'x', key: undefined }, next: undefined, previous: 'y' }), '')
})

t.test(
  'over decades, whatever a replica serves is valid and trusted, and authorities change rarely',
  async (t) => {
    const waits = fc.constantFrom(10_000, 60_000, 600_000, 29 * day, 30 * day)
    const turn = fc.record({ wait: waits, first: fc.boolean(), reelect: fc.boolean(), lags: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 400, maxLength: 500 }), async (turns) => {
        const clock = new FakeClock()
        const [store, trust] = [new MemoryStore(), new MemoryTrust()]
        const steps: string[] = []
        const replicas = [true, false].map((leader) => {
          const election = new DecidedElection(leader)
          const certificates = new OwnCertificates(names, {
            store,
            registration: trust,
            election,
            timers: clock,
            onStep: ({ step }) => steps.push(step),
            onProblem: (error) => t.fail(String(error)),
            onWell: () => undefined,
          })
          return { election, certificates, serves: undefined as PemPair | undefined, readAt: 0 }
        })
        const check = (served = replicas.flatMap(({ serves }) => serves ?? [])): void => {
          const trusted = trust.bundle.split(/(?<=-----END CERTIFICATE-----\n)/).filter((pem) => pem !== '')
          for (const serves of served) {
            const cert = new X509Certificate(serves.cert)
            const known = trusted.some((pem) => cert.verify(new X509Certificate(pem).publicKey))
            if (!known) throw new Error(`not trusted after ${steps.join(' ')}`)
            if (Date.parse(cert.validTo) <= clock.now()) throw new Error('served beyond its end')
          }
        }
        // Another replica may read and serve a certificate right after it is written.
        store.onWritten = ({ serving }) => {
          if (serving && steps.length > 0) check([serving])
        }
        const started = clock.now()
        for (const { wait, first, reelect, lags } of turns) {
          clock.advance(wait)
          check()
          if (reelect) for (const { election } of replicas) election.leader = !election.leader
          // The first certificate is there only once the leader has made it.
          const leaderFirst = store.writes === 0 || first
          for (const replica of replicas.toSorted(
            (a, b) => (leaderFirst ? 1 : -1) * (Number(b.election.leader) - Number(a.election.leader)),
          )) {
            const late = clock.now() - replica.readAt
            if (lags && !replica.election.leader && late < 1_800_000) continue
            replica.serves = await replica.certificates.read(signal)
            replica.readAt = clock.now()
            check()
          }
        }
        const years = (clock.now() - started) / (365 * day)
        const count = (step: string): number => steps.filter((each) => each === step).length
        if (count('begin') !== 1) throw new Error(`began ${count('begin')} times`)
        if (years > 10 && count('change') === 0) throw new Error(`never changed in ${years} years`)
        if (count('change') > years / 9) throw new Error(`changed ${count('change')} times in ${years} years`)
        if (count('issue') > years * 1.6 + 1) throw new Error(`issued ${count('issue')} in ${years} years`)
      }),
      { numRuns: depth(1, 10), endOnFailure: true },
    )
  },
)
