import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateFor } from '../../test/fixtures/certificates.ts'
import type { BenchCluster } from '../cluster.ts'
import { Contender, type Listening } from '../contest/contender.ts'
import { orMissing } from '../contest/missing.ts'
import { forked, spawned } from '../contest/processes.ts'
import { compare, type Effort, type Figure } from '../contest/rounds.ts'
import { buildGo, type GoServer } from './go.ts'
import { installPepr, pathOfPepr, startPepr } from './pepr.ts'
import { questions, ReviewRequest } from './questions.ts'
import type { Start } from './servers.ts'

/** The servers that answer reviews. */
type ReviewServer = Start['name'] | GoServer | 'pepr'

const usual: readonly ReviewServer[] = ['bare', 'fastify', 'holdfast']
const few: readonly ReviewServer[] = ['bare', 'holdfast']
const installed: readonly ReviewServer[] = ['lean', 'controller-runtime', 'pepr']

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
    const enter = async (name: ReviewServer, server: Listening | undefined): Promise<void> => {
      if (server) contenders.push(await Contender.of(name, server, tls.cert))
    }
    for (const name of effort.ofAll ? usual : few) await enter(name, await start(name))
    for (const name of effort.ofAll ? installed : [])
      await enter(name, await orMissing(name, missing, () => start(name)))
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
