import t from 'tap'
import { node } from './api/objects.ts'
import { started } from './api/started.ts'

t.test('a body that is nested too deep is answered 400, for any kind', async (t) => {
  const { ask } = await started(t)
  await ask('POST', 'nodes', { body: node('n1') })
  const send = async (method: string, path: string, levels: number) => {
    const body = JSON.stringify(node('n1')).replace(/}$/, `,"x":${'['.repeat(levels)}${']'.repeat(levels)}}`)
    return (await ask(method, path, { body })).code
  }
  for (const levels of [1_500, 30_000]) {
    t.equal(await send('POST', 'nodes', levels), 400)
    t.equal(await send('PUT', 'nodes/n1', levels), 400)
    t.equal(await send('PATCH', 'nodes/n1', levels), 400)
  }
  t.equal(await send('PATCH', 'nodes/n1', 100), 200)
})
