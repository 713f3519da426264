import type { Replica } from './guards.ts'

/** The metric of a replica: its sum over all labels. */
export async function metric(replica: Replica, name: string): Promise<number> {
  const { healthPort } = await replica.ports()
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  const values = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (.+)$`, 'gm'))
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0)
}
