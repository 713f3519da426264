import type { Test } from 'tap'
import type { ApiServerOptions } from '../../../src/sandbox/api-server/api-server.ts'
import { FakeWebhook, registration, type Registration, registrations } from './fake-webhook.ts'
import { started } from './started.ts'

/** An API server with one webhook registered. */
export async function guarded(t: Test, changed: Registration = {}, options: Partial<ApiServerOptions> = {}) {
  const webhook = await FakeWebhook.start(t)
  const server = await started(t, options)
  await server.client.create(registrations, registration(webhook, changed))
  return { webhook, ...server }
}
