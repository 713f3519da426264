import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProxyOf } from '../../src/server/proxy-server.ts'
import type { BenchCluster } from '../cluster.ts'
import { Contender, type Listening, loadCore, pin } from '../contest/contender.ts'
import { orMissing } from '../contest/missing.ts'
import { forked } from '../contest/processes.ts'
import { compare, type Effort, type Figure } from '../contest/rounds.ts'
import { startNginx } from './nginx.ts'
import { questions, requestOf } from './requests.ts'
import type { Start } from './servers.ts'

const proxies: readonly ProxyOf[] = [
  { api: 'longhorn', userHeader: undefined },
  { api: 'kubernetes', localOnly: true },
]

/** Compares the proxies. @param missing gets a sentence for each that cannot run here */
export async function measureProxies(
  cluster: BenchCluster,
  effort: Effort,
  missing: string[],
): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const running: { stop(): void }[] = []
  const start = (settings: Start): Promise<Listening> =>
    forked(join(import.meta.dirname, 'servers.ts'), settings)
  try {
    const upstream = await start({ name: 'upstream', answer: JSON.stringify(cluster.asked.node) })
    running.push(upstream)
    await pin(upstream.pid, loadCore)
    const enter = async (name: string, server: Listening): Promise<Contender> => {
      const contender = await Contender.of(name, server, undefined)
      running.push(contender)
      return contender
    }
    const url = `http://127.0.0.1:${upstream.port}`
    const others = [await enter('http-proxy', await start({ name: 'http-proxy', upstream: url }))]
    const nginx = effort.ofAll
      ? await orMissing('nginx', missing, () => startNginx(upstream.port, folder))
      : undefined
    if (nginx) others.push(await enter('nginx', nginx))
    const figures: Figure[] = []
    for (const kind of proxies) {
      const ours = await start({ name: 'holdfast', upstream: url, of: kind, api: cluster.api })
      const contenders = [...others, await enter('holdfast', ours)]
      for (const question of questions[kind.api]) {
        const request = requestOf(question, cluster.asked.node)
        figures.push(...(await compare(question, () => request, contenders, effort)))
      }
    }
    return figures
  } finally {
    for (const each of running.toReversed()) each.stop()
    await rm(folder, { recursive: true })
  }
}
