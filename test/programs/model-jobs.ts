import { fork, type ChildProcess } from 'node:child_process'
import { search, searches, type Search, type Searched } from '../model/searches.ts'

/** The options of a run of the model. */
export interface ModelOptions {
  readonly profiles: readonly ('A' | 'B' | 'C')[]
  readonly walks: number
  readonly seed: number
  /** A part of the names of the searches to run. */
  readonly only: string
}

/** One scenario of one search, by their places. */
export interface Task {
  readonly search: number
  readonly scenario: number
}

/** The result of a task, and its duration. */
export interface Done extends Task, Searched {
  /** Seconds of CPU. */
  readonly seconds: number
}

/** All searches of a run, in the same order in each process. */
export function allSearches({ profiles, walks, seed, only }: ModelOptions): Search[] {
  const all = profiles.flatMap((profile) => searches(profile, walks, seed))
  return all.filter(({ what }) => what.includes(only))
}

/** Does the tasks of the parent, one at a time, until none comes. */
export function work(options: ModelOptions): void {
  const all = allSearches(options)
  process.on('message', (task: Task) => void run(all, task).then((done) => process.send?.(done)))
}

async function run(all: readonly Search[], task: Task): Promise<Done> {
  const found = all[task.search]
  if (!found) throw new Error(`there is no search ${task.search}`)
  const before = process.cpuUsage()
  const searched = await search(found, task.scenario)
  const { user, system } = process.cpuUsage(before)
  return { ...task, ...searched, seconds: (user + system) / 1_000_000 }
}

/**
 * Has so many processes do all tasks, in their order, each as soon as it is free.
 *
 * @param told called with the result of each
 * @throws when a process ends before its task is done
 */
export async function distribute(
  options: ModelOptions,
  jobs: number,
  onDone: (done: Done) => void,
): Promise<void> {
  const tasks = allSearches(options).flatMap(({ scenarios }, index) =>
    scenarios.map((_, scenario): Task => ({ search: index, scenario })),
  )
  const children = Array.from({ length: Math.min(jobs, tasks.length) }, () => childOf(options))
  try {
    await Promise.all(
      children.map(async (child) => {
        for (let task = tasks.shift(); task; task = tasks.shift()) onDone(await ask(child, task))
      }),
    )
  } finally {
    for (const child of children) child.kill()
  }
}

/** The same program as a worker. */
function childOf({ profiles, walks, seed, only }: ModelOptions): ChildProcess {
  const [, program = ''] = process.argv
  const args = [
    ...profiles.flatMap((each) => ['--profile', each]),
    '--seed',
    String(seed),
    '--only',
    only,
    '--child',
  ]
  return fork(program, [String(walks), ...args])
}

function ask(child: ChildProcess, task: Task): Promise<Done> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void =>
      reject(new Error(`a process ended (${signal ?? code}) before its task was done`))
    child.once('exit', ended)
    child.once('message', (done: Done) => {
      child.off('exit', ended)
      resolve(done)
    })
    child.send(task)
  })
}
