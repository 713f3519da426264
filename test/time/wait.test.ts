import { getEventListeners } from 'node:events'
import t from 'tap'
import { onAbort } from '../../src/time/clock.ts'

t.test('each waiter on a signal is called once, in order, and only if still waiting', (t) => {
  const controller = new AbortController()
  const { signal } = controller
  const called: number[] = []
  const forget = Array.from({ length: 4 }, (_, at) => onAbort(signal, () => void called.push(at)))
  forget[1]?.()
  forget[1]?.()
  controller.abort()
  forget[2]?.()
  t.strictSame(called, [0, 2, 3])
  onAbort(signal, () => void called.push(9))
  t.strictSame(called, [0, 2, 3], 'an aborted wait calls no function')
  t.end()
})

t.test('any number of waits adds one listener to the signal, and none once all have ended', (t) => {
  const { signal } = new AbortController()
  const same = (): void => undefined
  const forget = Array.from({ length: 500 }, () => onAbort(signal, same))
  t.equal(getEventListeners(signal, 'abort').length, 1)
  for (const each of forget.slice(1)) each()
  t.equal(getEventListeners(signal, 'abort').length, 1, 'one still waits')
  forget[0]?.()
  t.equal(getEventListeners(signal, 'abort').length, 0)
  onAbort(signal, same)
  t.equal(getEventListeners(signal, 'abort').length, 1, 'and again')
  t.end()
})

t.test('one that stops waiting while others are called is not called', (t) => {
  const controller = new AbortController()
  const called: string[] = []
  onAbort(controller.signal, () => {
    called.push('first')
    forget()
  })
  const forget = onAbort(controller.signal, () => void called.push('second'))
  controller.abort()
  t.strictSame(called, ['first'])
  t.end()
})
