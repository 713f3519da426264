import t from 'tap'
import { panicIn, parseManagerPod } from '../../../src/rules/rescue/managers.ts'

/** As a kubelet writes it. */
const looping = {
  metadata: { name: 'longhorn-manager-x7k2p', labels: { app: 'longhorn-manager' } },
  spec: { nodeName: 'node-1' },
  status: {
    phase: 'Running',
    containerStatuses: [
      { name: 'pre-pull-share-manager-image', ready: true, restartCount: 0, state: { running: {} } },
      {
        name: 'longhorn-manager',
        ready: false,
        restartCount: 7,
        state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s restarting' } },
        lastState: { terminated: { exitCode: 2, reason: 'Error', finishedAt: '2026-01-01T12:00:00Z' } },
      },
    ],
  },
}

t.test('a pod that crash-loops is read as the kubelet writes it', (t) => {
  t.strictSame(parseManagerPod(looping), {
    ok: true,
    value: {
      name: 'longhorn-manager-x7k2p',
      node: 'node-1',
      ready: false,
      restarts: 7,
      waiting: 'CrashLoopBackOff',
      endedAt: Date.parse('2026-01-01T12:00:00Z'),
    },
  })
  t.end()
})

t.test('a pod that has just ended, or that has not started, is not ready', (t) => {
  const ended = { terminated: { exitCode: 2, finishedAt: '2026-01-01T12:00:00Z' } }
  const container = { name: 'longhorn-manager', state: ended }
  const status = { containerStatuses: [container] }
  t.match(parseManagerPod({ ...looping, status }), {
    value: { ready: false, waiting: 'Terminated', endedAt: 1_767_268_800_000 },
  })
  t.match(parseManagerPod({ metadata: { name: 'new' } }), { value: { node: '', ready: false, restarts: 0 } })
  t.end()
})

const ours = `E0602 08:29:04.788666       1 panic.go:262] "Observed a panic" panic="runtime error: invalid memory address or nil pointer dereference" stacktrace=<
\tgoroutine 1922 [running]:
\tgithub.com/longhorn/longhorn-manager/controller.(*NodeController).syncBackingImageEvictionRequested(0xc002630a80, 0xc002b2fa40)
\t\t/app/controller/node_controller.go:1680 +0xb2c`

t.test('the panic in a log is distinguished from others', (t) => {
  t.strictSame(panicIn(ours), { found: 'this crash' })
  const other =
    'level=info\npanic: runtime error: index out of range [recovered]\n\ngoroutine 1 [running]:\nmain.main()'
  t.strictSame(panicIn(other), {
    found: 'another panic',
    line: 'panic: runtime error: index out of range [recovered]',
  })
  t.strictSame(panicIn('level=info msg="in syncBackingImageEvictionRequested"\n'), { found: 'no panic' })
  t.strictSame(panicIn(''), { found: 'no panic' })
  t.end()
})
