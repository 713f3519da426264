import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateFor } from '../../test/fixtures/certificates.ts'
import type { BenchCluster } from '../cluster.ts'
import { Contender, type Listening, loadCore, pin } from '../contest/contender.ts'
import { orMissing } from '../contest/missing.ts'
import { forked, spawned } from '../contest/processes.ts'
import { compare, type Effort, type Figure, warmUp } from '../contest/rounds.ts'
import { type Profile, worksOf } from '../report/profile.ts'
import { serverWords } from '../report/words.ts'
import { buildGo, type GoServer } from './go.ts'
import { installPepr, pathOfPepr, startPepr } from './pepr.ts'
import { type Question, questions, ReviewRequest } from './questions.ts'
import type { Start } from './servers.ts'

/** The servers that answer reviews. */
type ReviewServer = Start['name'] | GoServer | 'pepr'

const all: readonly ReviewServer[] = ['bare', 'fastify', 'lean', 'controller-runtime', 'pepr', 'holdfast']
const few: readonly ReviewServer[] = ['bare', 'holdfast']
/** How long a profile takes, in milliseconds. */
const profileMs = 10_000
/** Those that are built or installed first, which may fail. */
const installed: ReadonlySet<ReviewServer> = new Set(['lean', 'controller-runtime', 'pepr'])

/** Compares the servers for reviews. @param missing gets a sentence for each that cannot run here */
export async function measureReviews(
  cluster: BenchCluster,
  effort: Effort,
  missing: string[],
): Promise<Figure[]> {
  return await withServers(effort.ofAll ? all : few, { cluster, missing }, async (contenders) => {
    const figures: Figure[] = []
    for (const question of questions)
      figures.push(...(await compare(question, requestsFor(question, cluster), contenders, effort)))
    return figures
  })
}

/** Takes profiles of Holdfast and the bare server, while they answer reviews. */
export async function profileReviews(cluster: BenchCluster, effort: Effort): Promise<Profile[]> {
  return await withServers(few, { cluster, missing: [] }, async (contenders) => {
    await pin(process.pid, loadCore)
    const profiles: Profile[] = []
    for (const question of questions)
      for (const each of contenders) {
        const request = requestsFor(question, cluster)(each.name)
        await warmUp(each, request, effort)
        const { functions, answers } = await each.profile(request, profileMs)
        profiles.push({ question, server: each.name, us: worksOf(functions, answers) })
      }
    return profiles
  })
}

/** The request to a server. */
function requestsFor(question: Question, { asked }: BenchCluster): (server: string) => ReviewRequest {
  const request = new ReviewRequest(question, asked, '/validate')
  const toPepr = new ReviewRequest(question, asked, `/validate/${pathOfPepr}`)
  return (server) => (server === 'pepr' ? toPepr : request)
}

/** Starts the servers for some work, and ends them. */
async function withServers<Result>(
  names: readonly ReviewServer[],
  { cluster, missing }: { readonly cluster: BenchCluster; readonly missing: string[] },
  work: (contenders: readonly Contender[]) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const contenders: Contender[] = []
  try {
    const tls = await certificateFor('localhost')
    const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
    await writeFile(files.cert, tls.cert)
    await writeFile(files.key, tls.key, { mode: 0o600 })
    const start = async (name: ReviewServer): Promise<Listening> => {
      if (name === 'pepr') {
        await installPepr()
        return await startPepr(files)
      }
      if (name === 'lean' || name === 'controller-runtime')
        return await spawned(await buildGo(name), [files.cert, files.key], { GOMAXPROCS: '1' })
      return await forked(join(import.meta.dirname, 'servers.ts'), {
        name,
        tls,
        api: cluster.api,
      } satisfies Start)
    }
    for (const name of names) {
      const server = installed.has(name)
        ? await orMissing(serverWords[name] ?? name, missing, () => start(name))
        : await start(name)
      if (server) contenders.push(await Contender.of(name, server, tls.cert))
    }
    return await work(contenders)
  } finally {
    for (const each of contenders) each.stop()
    await rm(folder, { recursive: true })
  }
}
