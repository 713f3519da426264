// Pepr's controller in its own process, with one rule that admits everything.
import { subscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:https'
import type { AddressInfo, ListenOptions } from 'node:net'
import { pathToFileURL } from 'node:url'
import { serveAt } from '../contest/processes.ts'
import type { PeprStart } from './pepr.ts'

/** The part of Pepr that is used here. */
interface Pepr {
  readonly a: { readonly GenericKind: Class }
  readonly RegisterKind: (kind: Class, called: object) => void
  readonly Capability: new (options: object) => Capability
  readonly PeprModule: new (
    settings: object,
    capabilities: readonly Capability[],
    options: { readonly deferStart: true },
  ) => { readonly start: (port: number) => void }
}

type Class = new () => object

interface Capability {
  readonly When: (kind: Class) => {
    readonly IsUpdated: () => { readonly Validate: (rule: (review: { Approve(): object }) => object) => void }
  }
}

process.once('message', (start: PeprStart) => serveAt(servePepr(start)))

async function servePepr({ module }: PeprStart): Promise<number> {
  const { a, Capability, PeprModule, RegisterKind } = (await import(pathToFileURL(module).href)) as Pepr
  const rules = new Capability({ name: 'bench', description: 'admits everything', namespaces: [] })
  // Pepr tells kinds apart by the names of their classes.
  class Node extends a.GenericKind {}
  class BackingImage extends a.GenericKind {}
  for (const kind of [Node, BackingImage]) {
    const plural = `${kind.name.toLowerCase()}s`
    RegisterKind(kind, { group: 'longhorn.io', version: 'v1beta2', kind: kind.name, plural })
    rules
      .When(kind)
      .IsUpdated()
      .Validate((review) => review.Approve())
  }
  const port = listening()
  const pepr = { uuid: 'bench', onError: 'reject', webhookTimeout: 10, alwaysIgnore: { namespaces: [] } }
  new PeprModule({ description: 'bench', pepr }, [rules], { deferStart: true }).start(0)
  return await port
}

/** The port of the next server. Pepr shows it to nobody, would listen on all addresses, and closes idle connections early. */
async function listening(): Promise<number> {
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const { options } = message as { readonly options: ListenOptions }
    options.host = '127.0.0.1'
  })
  return await new Promise((resolve) =>
    subscribe('tracing:net.server.listen:asyncEnd', (message) => {
      const { server } = message as { readonly server: Server }
      server.keepAliveTimeout = 600_000
      resolve((server.address() as AddressInfo).port)
    }),
  )
}
