import type { Configuration } from '../configuration/configuration.ts'
import type { Connection } from '../kubernetes/connection.ts'

/** The guard's own namespace, where all replicas keep what they share. */
export function guardNamespace(configuration: Configuration, connection: Connection): string {
  return configuration.namespace ?? connection.namespace ?? 'default'
}
