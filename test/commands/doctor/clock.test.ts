import t from 'tap'
import { checkClock, checkReservations, measure, parseLeaseTime } from '../../../src/commands/doctor/clock.ts'
import { noon } from '../../fixtures/cluster.ts'
import { reservation } from '../../gate/reservation-book-contract.ts'
import { facts, forbidden, levels, said } from './facts.ts'

t.test('clocks are compared as exactly as the Date header allows', (t) => {
  const date = new Date(noon).toUTCString()
  t.strictSame(measure({ sentAt: noon + 400, receivedAt: noon + 600, date }), {
    seen: { aheadMs: 0, uncertainMs: 600 },
  })
  t.strictSame(measure({ sentAt: noon + 60_400, receivedAt: noon + 60_600, date }), {
    seen: { aheadMs: 60_000, uncertainMs: 600 },
  })
  for (const none of [undefined, 'soon']) {
    t.match(measure({ sentAt: noon, receivedAt: noon, date: none }), { problem: /Date header/ })
  }
  t.end()
})

t.test('a clock that is surely wrong is reported', (t) => {
  const check = (aheadMs: number, uncertainMs = 500) =>
    checkClock(facts({ clock: { seen: { aheadMs, uncertainMs } }, leases: { seen: [] } }))
  t.strictSame(levels(check(2_000)), ['ok'])
  t.strictSame(levels(check(5_000, 4_000)), ['ok'], 'a slow answer proves nothing')
  t.match(said(check(60_000)), 'The clock of this machine is 60s ahead of that of the API server')
  t.match(said(check(-60_000)), '60s behind')
  t.end()
})

t.test('a Lease from the future shows that the clock of its writer is ahead', (t) => {
  const check = (renewedAt: number | undefined, aheadMs = 0) =>
    checkClock(
      facts({
        clock: { seen: { aheadMs, uncertainMs: 500 } },
        leases: { seen: [{ name: 'node.n1', holder: 'holdfast-1', renewedAt }] },
      }),
    )
  t.strictSame(levels(check(noon - 3_600_000)), ['ok'], 'it may be old')
  t.strictSame(levels(check(undefined)), ['ok'])
  t.strictSame(levels(check(noon + 5_000)), ['warn'])
  t.strictSame(levels(check(noon + 30_000)), ['error'])
  t.match(said(check(noon + 30_500)), 'Lease node.n1 was written by holdfast-1 30s in the future')
  t.strictSame(levels(check(noon + 60_000, -60_000)), ['warn'], 'it is this machine that is behind')
  t.strictSame(levels(checkClock(facts({ leases: forbidden }))), ['unknown'])
  t.end()
})

t.test('the time of a Lease is read as Kubernetes writes it', (t) => {
  const spec = { holderIdentity: 'holdfast-1', renewTime: '2026-01-01T12:00:00.000000Z' }
  t.strictSame(parseLeaseTime({ metadata: { name: 'a' }, spec }), {
    ok: true,
    value: { name: 'a', holder: 'holdfast-1', renewedAt: noon },
  })
  t.match(parseLeaseTime({ metadata: { name: 'a' } }), { value: { holder: '', renewedAt: undefined } })
  t.end()
})

t.test('a reservation long past its deadline shows that no guard could remove it', (t) => {
  const { deadline } = reservation('r')
  const entries = [{ key: 'n1', version: '1', reservations: [reservation('r')] }]
  const check = (now: number, aheadMs = 0) =>
    checkReservations(
      facts({
        now,
        book: { seen: { entries, unreadable: [] } },
        clock: { seen: { aheadMs, uncertainMs: 0 } },
      }),
    )
  t.strictSame(levels(check(deadline + 59_000)), ['ok'])
  t.match(said(check(deadline)), '1 reservation, none past its deadline')
  t.strictSame(levels(check(deadline + 300_000)), ['warn'])
  t.match(
    said(check(deadline + 300_000)),
    'The clean-up reserved on n1 for BackingImage ubuntu-22.04 by holdfast-0 is 5m past its deadline',
  )
  t.strictSame(levels(check(deadline + 300_000, 300_000)), ['ok'], 'by the clock of the API server')
  const spoilt = checkReservations(
    facts({ book: { seen: { entries: [], unreadable: ['Lease node.n1 is odd'] } } }),
  )
  t.strictSame(levels(spoilt), ['error'])
  t.match(said(spoilt), 'Lease node.n1 is odd.')
  t.end()
})
