import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { DecisionListener } from '../../gate/ports.ts'
import { connectTo } from '../../kubernetes/client/connection.ts'
import { profileOf } from '../../longhorn/releases.ts'
import { DecisionLines } from '../../observability/log.ts'
import { StoryLog } from '../../page/story.ts'
import { actsOf, type Change } from '../../rules/change.ts'
import { doing } from '../../rules/doing.ts'
import { Sandbox } from '../../sandbox/sandbox.ts'
import type { Guard } from '../../server/webhook-server.ts'
import { systemClock } from '../../time/clock.ts'
import { parseDuration } from '../../time/duration.ts'
import { anyPort, releaseName } from '../options/cluster-options.ts'
import { CannotRun, type CommandSurroundings, type Environment, exitCode } from '../surroundings.ts'
import { coloursFor } from '../terminal.ts'
import { canCrash, type DemoTargets, guardHolds, DemoFailed, DemoCluster } from './demo-cluster.ts'
import { Printer, runDemo } from './demo.ts'
import { guardSandbox, sandboxSettle } from './guard-sandbox.ts'
import { storyPage } from './story-page.ts'
import { storyScreen } from './story-screen.ts'
import { inWords } from '../../text/system-error.ts'

interface SandboxFlags {
  readonly longhorn: string
  readonly nodes: number
  readonly images: number
  readonly drain: number
  readonly informerLag: number
  readonly restPort: number
  readonly port: number
  readonly once: boolean
  readonly bare: boolean
}

/** `holdfast sandbox`: the embedded cluster with the guard, and the story that shows the guard's purpose. */
export function sandboxCommand(surroundings: CommandSurroundings): Command {
  return new Command('sandbox')
    .description('Starts an embedded cluster with the guard, shows what the guard does, and keeps serving.')
    .option('--longhorn <release>', 'Longhorn release to play', releaseName, 'v1.8.0')
    .option('--nodes <n>', 'how many nodes, 2 to 100', between(2, 100), 3)
    .option('--images <n>', 'how many backing images, 1 to 100', between(1, 100), 2)
    .addOption(
      new Option('--drain <duration>', 'how long a clean-up takes').argParser(duration).default(5_000, '5s'),
    )
    .addOption(
      new Option('--informer-lag <duration>', 'how far each cache of a manager may lag, 0s to 30s')
        .argParser(informerLag)
        .default(0, '0s'),
    )
    .addOption(new Option('--port <port>', 'port of its API').argParser(anyPort).default(0, 'a free one'))
    .addOption(
      new Option('--rest-port <port>', 'port of Longhorn’s REST API')
        .argParser(anyPort)
        .default(0, 'a free one'),
    )
    .option('--once', 'end after the story; the exit code is 1 if an act failed', false)
    .option('--bare', 'only the cluster, without guard and story, for a guard of your own', false)
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast sandbox
  $ holdfast sandbox --bare --drain 1m
  $ holdfast sandbox --longhorn v1.9.0 --drain 20s --port 8001
  $ holdfast sandbox --bare --informer-lag 10s
  $ holdfast sandbox --once`,
    )
    .action((flags: SandboxFlags) => playSandbox(flags, surroundings))
}

async function playSandbox(
  flags: SandboxFlags,
  { env, stdout, stderr, untilSignal, onHangup, exitWith }: CommandSurroundings,
): Promise<void> {
  const ended = new AbortController()
  let unsubscribe: () => void = () => undefined
  // A terminal that is closed ends it too, and not before it has cleared away what it made.
  const hungUp = new Promise<void>((resolve) => (unsubscribe = onHangup(resolve)))
  const interrupted = Promise.race([untilSignal(), hungUp]).then(() =>
    ended.abort(new Error('The sandbox was interrupted.')),
  )
  const folder = await temporaryFolder(env.TMPDIR ?? tmpdir())
  const sandbox = await startSandbox(flags).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  const guards: Guard[] = []
  const pages: { close(): Promise<void> }[] = []
  try {
    const kubeconfig = join(folder, 'kubeconfig')
    await writeFile(kubeconfig, sandbox.kubeconfig)
    const story = new StoryLog()
    const screen = await storyScreen(stdout, systemClock)
    pages.push({
      close: () => {
        screen.rests()
        return Promise.resolve()
      },
    })
    const printer = new Printer(screen.write, coloursFor(stdout, env), story.add)
    printer.title(
      `Longhorn ${flags.longhorn} on ${flags.nodes} nodes with 2 disks each, ${flags.images} backing images, at ${sandbox.api.url}`,
    )
    const page = await storyPage(sandbox, story, ended.signal)
    pages.push(page)
    printer.say(`Watch it in a browser: ${page.url}`)
    // The story itself reports decisions; later each decision gets a line.
    const serving = { yet: false }
    const whatItDoes = (change: Change) => doing(actsOf(change), page.map)
    const lines = new DecisionLines((line) => printer.say(line), systemClock, whatItDoes)
    const audit: DecisionListener = {
      decided: (change, verdict, timing) => {
        if (serving.yet) lines.decided(change, verdict, timing)
      },
    }
    const startGuard = async () => {
      guards.push(await guardSandbox(sandbox, audit, stderr, ended.signal))
    }
    if (!flags.bare) {
      const cluster = demoClusterOf(sandbox, ended.signal, screen.waits)
      await runDemo({
        cluster,
        targets: targetsOf(sandbox, flags.longhorn, flags.drain),
        printer,
        startGuard,
      })
    }
    screen.rests()
    if (flags.once) return
    sayHowToReach(printer, kubeconfig, sandbox, { ...flags, program: programOf(env) })
    serving.yet = true
    await interrupted
  } catch (error) {
    if (error instanceof DemoFailed) {
      stderr.write(`\nThe story failed: ${error.message}\n`)
      exitWith(exitCode.failed)
    } else if (!ended.signal.aborted) {
      throw error
    }
  } finally {
    for (const page of pages) await page.close()
    for (const guard of guards) await guard.stop()
    await sandbox.stop()
    await rm(folder, { recursive: true, force: true })
    unsubscribe()
  }
}

/** For the kubeconfig. @throws CannotRun */
async function temporaryFolder(within: string): Promise<string> {
  try {
    return await mkdtemp(join(within, 'holdfast-'))
  } catch (cause) {
    throw new CannotRun(`cannot make a folder in ${within} (TMPDIR): ${inWords(cause)}`, { cause })
  }
}

async function startSandbox({
  port,
  longhorn: release,
  nodes,
  images,
  drain,
  informerLag: informerLagMs,
  restPort,
}: SandboxFlags): Promise<Sandbox> {
  const longhorn = { drainMs: drain, restartMs: Math.min(drain, 5_000), informerLagMs }
  try {
    return await Sandbox.start({ port, restPort, release, nodes, images, longhorn, report: () => undefined })
  } catch (cause) {
    // Either of the two can be the reason.
    const taken = cause instanceof Error && 'port' in cause ? ` on port ${String(cause.port)}` : ''
    throw new CannotRun(
      `cannot start the embedded cluster${taken}: ${inWords(cause)}; choose other ports with --port and --rest-port, or none`,
      { cause },
    )
  }
}

function demoClusterOf(
  sandbox: Sandbox,
  signal: AbortSignal,
  waits: (what: string | undefined) => void,
): DemoCluster {
  return new DemoCluster({
    connection: connectTo(sandbox.api.url),
    namespace: sandbox.namespace,
    subscribe: (listener) => sandbox.subscribe(listener),
    crashes: () => sandbox.longhorn.crashes,
    isLive: (node) => sandbox.longhorn.isLive(node),
    setTimer: (ms, fire) => systemClock.setTimer(ms, fire),
    signal,
    waits,
  })
}

function targetsOf(sandbox: Sandbox, release: string, drainMs: number): DemoTargets {
  const profile = profileOf(release)
  const cleaned = { name: 'disk-1', uuid: sandbox.cluster.uuidOf('node-1/disk-1') }
  const evicted = { name: profile === 'A' ? 'disk-2' : 'disk-1' }
  const parts = { release, profile, image: 'ubuntu-22.04', node: 'node-1', cleaned, evicted }
  // So that the clean-up is still pending when the guard answers, also on a busy machine.
  const requestTimeout = `${Math.min(2_000, Math.round(drainMs * 0.4)) / 1_000}s`
  const dangerMs = Math.min(4_000, Math.round(drainMs * 0.7))
  return { ...parts, requestTimeout, dangerMs, settle: sandboxSettle }
}

function sayHowToReach(
  printer: Printer,
  kubeconfig: string,
  sandbox: Sandbox,
  { drain, bare, longhorn, program }: SandboxFlags & { readonly program: string },
) {
  const targets = targetsOf(sandbox, longhorn, drain)
  const { image, node, cleaned, evicted } = targets
  const cleanUp = JSON.stringify({ spec: { diskFileSpecMap: { [cleaned.uuid]: null } } })
  const evict = JSON.stringify({
    spec: { disks: { [evicted.name]: { allowScheduling: false, evictionRequested: true } } },
  })
  printer.title('Now you')
  printer.say(
    `The cluster ${bare ? 'keeps' : 'and the guard keep'} running; Ctrl-C ends. In another terminal:`,
  )
  printer.say('')
  printer.say(`export KUBECONFIG=${kubeconfig}`)
  printer.say('kubectl get nodes.longhorn.io,backingimages.longhorn.io')
  printer.say(`curl ${sandbox.rest.url}/v1/nodes`)
  printer.say(`kubectl patch backingimages.longhorn.io ${image} --type merge -p '${cleanUp}'`)
  printer.say(`kubectl patch nodes.longhorn.io ${node} --type merge -p '${evict}'`)
  printer.say(`${program} status --watch`)
  printer.say(`${program} plan ${node}`)
  printer.say('')
  printer.say(
    bare
      ? `A clean-up takes ${drain / 1_000} s here. ${canCrash(targets) ? 'Nothing prevents a crash.' : `Longhorn ${longhorn} does not crash.`}`
      : `A clean-up takes ${drain / 1_000} s here. ${guardHolds(targets) ? 'kubectl waits and retries by itself.' : 'The guard only warns of the eviction.'} The guard’s decisions appear below.`,
  )
}

/** As a person can type it: `npm start` runs it from a clone, where no shell knows `holdfast`. */
function programOf(env: Environment): string {
  return env.npm_lifecycle_event === 'start' ? 'node dist/main.js' : 'holdfast'
}

/** Everything is in the memory of one process. */
function between(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
    }
    return value
  }
}

function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined)
    throw new InvalidArgumentError('It must be a duration such as 500ms, 5s or 1m30s.')
  return milliseconds
}

function informerLag(text: string): number {
  const milliseconds = duration(text)
  // client-go's longest pause after a restart of the API server.
  if (milliseconds > 30_000) throw new InvalidArgumentError('It must be at most 30s.')
  return milliseconds
}
