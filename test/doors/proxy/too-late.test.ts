import t from 'tap'
import { forwardThenRelease } from '../../../src/doors/proxy/judged-request.ts'
import { beforeUpstream } from './before-upstream.ts'

/** A door that passes everything on as admitted, if it is not late. */
async function late(t: Parameters<typeof beforeUpstream>[0], isLate: () => boolean) {
  let released = 0
  const release = (): Promise<void> => {
    released += 1
    return Promise.resolve()
  }
  const upstream = await beforeUpstream(
    t,
    (_, response) => response.end('done'),
    () => ({
      judge: () => async (call) => {
        const forward = (late?: () => boolean) => call.forward(undefined, late)
        return {
          outcome: 'passed',
          answer: await forwardThenRelease(forward, { release, isLate }),
          warnings: [],
        }
      },
      failure: (status, message) => ({ status, headers: {}, body: message }),
    }),
  )
  return { ...upstream, released: () => released }
}

t.test('a write that was admitted too long ago is not passed on, and is taken back', async (t) => {
  const { url, asked, failures, released } = await late(t, () => true)
  const response = await fetch(url, { method: 'PUT', body: 'x' })
  t.equal(response.status, 503)
  t.match(await response.text(), 'The write was not forwarded: it was allowed too long ago')
  t.strictSame(asked, [])
  t.strictSame(failures, [503])
  t.equal(released(), 1)
})

t.test('it is asked once there is a connection, and then everything goes as usual', async (t) => {
  let asked = 0
  const { url } = await late(t, () => (asked += 1) === 0)
  for (const body of ['x', 'y']) {
    const response = await fetch(url, { method: 'PUT', body })
    t.equal(await response.text(), 'done')
  }
  t.equal(asked, 2)
})
