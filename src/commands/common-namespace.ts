import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { agreeOnNamespace, NoCommonNamespace } from '../guard/guard-namespace.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { CannotRun } from './exit-code.ts'

/**
 * The configuration of a door, with the namespace in which all doors of the cluster keep their Leases.
 *
 * @param connection closed if the door does not start
 * @returns undefined if it was told to end meanwhile
 * @throws CannotRun if this door would keep them elsewhere
 */
export async function withCommonNamespace(
  configuration: Configuration,
  connection: Connection,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<Configuration | undefined> {
  try {
    const { namespace, doubt } = await agreeOnNamespace(configuration, connection, signal)
    if (doubt !== undefined) {
      const fields = { namespace, why: doubt }
      log.warn(fields, 'where other doors keep their Leases could not be compared; it goes on as it was told')
    }
    return { ...configuration, namespace }
  } catch (error) {
    connection.close()
    if (signal.aborted) return undefined
    if (error instanceof NoCommonNamespace) throw new CannotRun(error.message, { cause: error })
    throw error
  }
}
