// Imported before tap, which else follows each promise of the whole process, so that it can name the test to which a stray
// error belongs. That costs a tenth of all processor time. Without it a stray error ends the process: the run fails with
// the stack of the error and the test that was running. `npm run test:thorough` follows them.
import hooks from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

const { createHook } = hooks
const none = { enable: () => none, disable: () => none }
hooks.createHook = (callbacks) => {
  const asked = Object.keys(callbacks).toSorted().join()
  return asked === 'destroy,init' ? none : createHook(callbacks)
}
syncBuiltinESMExports()
process.on('uncaughtExceptionMonitor', (error) => {
  process.send?.({ stray: error instanceof Error ? error.stack : String(error) })
})
// Code that loads after tap gets Node's own function.
await import('tap')
hooks.createHook = createHook
syncBuiltinESMExports()
