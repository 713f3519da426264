import { Session } from 'node:inspector/promises'

/** A function in a profile, and the CPU that it took itself, in microseconds. */
export interface ProfiledFunction {
  readonly name: string
  /** Empty for what is no JavaScript. */
  readonly url: string
  readonly us: number
}

/** What the other process sends to begin a profile, and to end it. */
export const profiling = { begin: 'profile', end: 'profile is over' } as const

/** Takes profiles of this process whenever the one that started it asks, and sends them there. */
export function profileWhenAsked(): void {
  const session = new Session()
  process.on('message', (asked) => {
    if (asked === profiling.begin) void begin(session)
    if (asked === profiling.end) void end(session)
  })
}

async function begin(session: Session): Promise<void> {
  session.connect()
  await session.post('Profiler.enable')
  // Often enough for functions that take a microsecond in a hundred.
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  process.send?.(profiling.begin)
}

async function end(session: Session): Promise<void> {
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const took = new Map<number, number>()
  for (const [at, id] of (profile.samples ?? []).entries())
    took.set(id, (took.get(id) ?? 0) + (profile.timeDeltas?.[at] ?? 0))
  const functions = profile.nodes.map(({ id, callFrame: { functionName, url } }): ProfiledFunction => ({
    ...{ name: functionName, url, us: took.get(id) ?? 0 },
  }))
  process.send?.(functions)
}
