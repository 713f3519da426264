import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateFor } from '../../test/fixtures/certificates.ts'
import type { BenchCluster } from '../cluster.ts'
import { Contender, type Listening } from '../contest/contender.ts'
import { orMissing } from '../contest/missing.ts'
import { forked, spawned } from '../contest/processes.ts'
import { compare, type Effort, type Figure } from '../contest/rounds.ts'
import { serverWords } from '../report/words.ts'
import { buildGo, type GoServer } from './go.ts'
import { installPepr, pathOfPepr, startPepr } from './pepr.ts'
import { questions, ReviewRequest } from './questions.ts'
import type { Start } from './servers.ts'

/** The servers that answer reviews. */
type ReviewServer = Start['name'] | GoServer | 'pepr'

const all: readonly ReviewServer[] = ['bare', 'fastify', 'lean', 'controller-runtime', 'pepr', 'holdfast']
const few: readonly ReviewServer[] = ['bare', 'holdfast']
/** Those that are built or installed first, which may fail. */
const installed: ReadonlySet<ReviewServer> = new Set(['lean', 'controller-runtime', 'pepr'])

/** Compares the servers for reviews. @param missing gets a sentence for each that cannot run here */
export async function measureReviews(
  cluster: BenchCluster,
  effort: Effort,
  missing: string[],
): Promise<Figure[]> {
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
    for (const name of effort.ofAll ? all : few) {
      const server = installed.has(name)
        ? await orMissing(serverWords[name] ?? name, missing, () => start(name))
        : await start(name)
      if (server) contenders.push(await Contender.of(name, server, tls.cert))
    }
    const figures: Figure[] = []
    for (const question of questions) {
      const request = new ReviewRequest(question, cluster.asked, '/validate')
      const toPepr = new ReviewRequest(question, cluster.asked, `/validate/${pathOfPepr}`)
      const requestTo = (server: string): ReviewRequest => (server === 'pepr' ? toPepr : request)
      figures.push(...(await compare(question, requestTo, contenders, effort)))
    }
    return figures
  } finally {
    for (const each of contenders) each.stop()
    await rm(folder, { recursive: true })
  }
}
