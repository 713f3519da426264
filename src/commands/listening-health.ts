import { Health } from '../webhook/health.ts'
import { CannotListen } from '../webhook/listen.ts'
import { CannotRun } from './exit-code.ts'
import type { Serving } from './serving.ts'

/** Health that listens before anything else can fail or wait. @throws CannotRun */
export async function listeningHealth(
  { registry, log }: Pick<Serving, 'registry' | 'log'>,
  host: string,
  port: number,
): Promise<Health> {
  const health = new Health(registry)
  try {
    log.info({ healthPort: await health.listen(host, port) }, 'health is listening')
    return health
  } catch (error) {
    if (error instanceof CannotListen) throw new CannotRun(error.message, { cause: error })
    throw error
  }
}
