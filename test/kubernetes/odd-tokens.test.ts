import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'

const { signal } = new AbortController()

/** The error about these credentials of user `ann`. */
async function said(t: Test, user: object, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = t.testdir(files)
  await mkdir(join(folder, 'folder'))
  const kubeconfig = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'ann' } }],
    clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'ann', user }],
  }
  await writeFile(join(folder, 'config'), JSON.stringify(kubeconfig))
  const connection = await connect({ kubeconfig: join(folder, 'config') })
  t.teardown(() => connection.close())
  return await jsonRequest(connection, { method: 'GET', path: '/', signal }).then(
    () => 'it was taken',
    (error: unknown) => String(error),
  )
}

t.test('a token that no header can carry is named, and not shown', async (t) => {
  for (const token of ['sec\nret', 'sec\u0000ret', 'sec\u0001ret']) {
    const inline = await said(t, { token })
    t.match(inline, /the token of user "ann" has a line break or another control character/)
    t.notMatch(inline, /sec/)
    const file = await said(t, { tokenFile: 'file' }, { file: token })
    t.match(file, /the token in .*file has a line break or another control character/)
    t.notMatch(file, /secr|sec\n/)
  }
})

t.test('a token file that is empty, is missing or is a folder is named', async (t) => {
  t.match(await said(t, { tokenFile: 'file' }, { file: '\n' }), /the token in .*file is empty/)
  t.match(await said(t, { tokenFile: 'gone' }), /gone: it does not exist \(ENOENT\)/)
  t.match(await said(t, { tokenFile: 'folder' }), /folder: it is a folder, and a file is needed \(EISDIR\)/)
  const kept = await said(t, { tokenFile: 'file', token: 'good' }, { file: '' })
  t.match(kept, /Cannot reach the API server/, 'the token of the kubeconfig is used instead, as in client-go')
})
