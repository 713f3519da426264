import t, { type Test } from 'tap'
import { guardSandbox } from '../../../src/commands/sandbox/guard-sandbox.ts'
import { DemoFailed, DemoCluster } from '../../../src/commands/sandbox/demo-cluster.ts'
import { Printer, type CrashCount, runDemo } from '../../../src/commands/sandbox/demo.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { profileOf } from '../../../src/longhorn/releases.ts'
import { Sandbox } from '../../../src/sandbox/sandbox.ts'
import type { Guard } from '../../../src/server/webhook-server.ts'
import { systemClock } from '../../../src/time/clock.ts'

interface DemoResult {
  readonly tally: CrashCount
  readonly lines: readonly string[]
}

/** Tells the story on a quick cluster of this release. */
async function demo(t: Test, release: string, options: { readonly guarded: boolean }): Promise<DemoResult> {
  const longhorn = { drainMs: 5_000, copyMs: 50, restartMs: 100, syncMs: 50 }
  const sandbox = await Sandbox.start({
    port: 0,
    release,
    nodes: 3,
    images: 2,
    longhorn,
    report: () => undefined,
  })
  const signal = new AbortController().signal
  const guards: Guard[] = []
  const connection = connectTo(sandbox.api.url)
  t.teardown(async () => {
    connection.close()
    for (const guard of guards) await guard.stop()
    await sandbox.stop()
  })
  const lines: string[] = []
  const profile = profileOf(release)
  const tally = await runDemo({
    cluster: new DemoCluster({
      connection,
      namespace: sandbox.namespace,
      subscribe: (listener) => sandbox.subscribe(listener),
      crashes: () => sandbox.longhorn.crashes,
      isLive: (node) => sandbox.longhorn.isLive(node),
      setTimer: (ms, fire) => systemClock.setTimer(ms, fire),
      signal,
    }),
    targets: {
      release,
      profile,
      image: 'ubuntu-22.04',
      node: 'node-1',
      cleaned: { name: 'disk-1', uuid: sandbox.cluster.uuidOf('node-1/disk-1') },
      evicted: { name: profile === 'A' ? 'disk-2' : 'disk-1' },
      requestTimeout: '2s',
      settle: '0.3s',
      dangerMs: 0,
    },
    printer: new Printer((line) => void lines.push(line), coloursFor({}, {})),
    startGuard: async () => {
      if (options.guarded)
        guards.push(
          await guardSandbox(sandbox, { decided: () => undefined }, process.stderr, signal, {
            settle: '300ms',
          }),
        )
    },
  })
  return { tally, lines }
}

// They wait for clean-ups most of the time. The tests of other files go on one after the other.
t.test('the story in its words', { jobs: 4 }, (t) => {
  for (const [release, guardOff] of [
    ['v1.8.0', 1],
    ['v1.9.0', 1],
    ['v1.6.4', 0],
  ] as const) {
    t.test(
      `on ${release} there are ${guardOff} crashes with the guard off and none with it on`,
      async (t) => {
        const { tally, lines } = await demo(t, release, { guarded: true })
        t.strictSame(tally, { guardOff, guardOn: 0 })
        t.equal(lines.filter((line) => line.startsWith('Act')).length, 3)
      },
    )
  }

  t.test('the demo fails if the guard does not hold', async (t) => {
    await t.rejects(demo(t, 'v1.8.0', { guarded: false }), DemoFailed)
  })

  t.test('a wait for something that never comes ends', async (t) => {
    const stage = new DemoCluster({
      connection: connectTo('http://127.0.0.1:1'),
      namespace: 'longhorn-system',
      subscribe: () => () => undefined,
      crashes: () => [],
      isLive: () => true,
      setTimer: (_ms, fire) => {
        queueMicrotask(fire)
        return () => undefined
      },
      signal: new AbortController().signal,
    })
    await t.rejects(
      stage.until('a miracle', () => false, 2_000),
      new DemoFailed('waited 2 s in vain for a miracle'),
    )
  })
  t.end()
})
