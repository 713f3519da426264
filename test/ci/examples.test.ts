import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { heldBack, repository, snapshot } from '../commands/check/in-a-repository.ts'
import { run } from '../commands/holdfast.ts'
import { read } from '../docs/pages.ts'
import { root } from '../fixtures/root.ts'
import { readAction } from './composite-action.ts'

const workflow = parse(read('examples/ci/github-actions.yaml')) as {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: {
    readonly check: { readonly steps: readonly { uses: string; with?: Readonly<Record<string, unknown>> }[] }
  }
}
const gitlab = parse(read('examples/ci/gitlab-ci.yaml')) as {
  readonly longhorn: {
    readonly before_script: readonly string[]
    readonly script: readonly string[]
    readonly artifacts: { readonly reports: { readonly junit: string } }
  }
}
const preCommit = parse(read('examples/ci/pre-commit-config.yaml')) as {
  readonly repos: readonly [
    { readonly hooks: readonly [{ readonly id: string; readonly args: readonly string[] }] },
  ]
}

t.test('the workflow gives the action inputs that it has, and the rights that it takes', async (t) => {
  const own = /^holdfast-io\/holdfast\/(.+)@/
  const steps = workflow.jobs.check.steps.filter(({ uses }) => own.test(uses))
  t.equal(steps.length, 1)
  for (const { uses, with: given = {} } of steps) {
    const action = await readAction(join(root, own.exec(uses)?.[1] ?? '', 'action.yml'))
    for (const name of Object.keys(given)) t.hasProp(action.inputs, name)
    for (const [name, { required }] of Object.entries(action.inputs)) if (required) t.hasProp(given, name)
  }
  t.match(workflow.permissions, { contents: 'read', 'security-events': 'write' })
  const shown = [...read('docs/ci.md').matchAll(/^```yaml\n([^]*?)^```$/gm)].map(
    ([, text = '']) => parse(text) as unknown,
  )
  t.match(shown, [steps, preCommit], 'as docs/ci.md shows it')
})

t.test('the commands of GitLab and pre-commit find a change that would have to wait', async (t) => {
  const { root: folder, write } = repository(t)
  await write('longhorn/cluster.snapshot', snapshot)
  const held = await write('longhorn/nodes/held.yaml', heldBack)
  const before = process.cwd()
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
  const [command = ''] = gitlab.longhorn.script
  const [program, ...args] = command.split(' ')
  t.equal(program, 'holdfast')
  t.match(await run(args), { code: 1, stdout: /held back .*held\.yaml/ })
  t.ok(args.includes(`junit=${gitlab.longhorn.artifacts.reports.junit}`))
  const [{ hooks }] = preCommit.repos
  const [{ id, entry }] = parse(read('.pre-commit-hooks.yaml')) as readonly [{ id: string; entry: string }]
  t.equal(hooks[0].id, id)
  const [, ...own] = entry.split(' ')
  t.match(await run([...own, ...hooks[0].args, held]), { code: 1, stdout: /held back/ })
})

t.test('GitLab installs the command from the repository that package.json names', (t) => {
  const { repository: its } = JSON.parse(read('package.json')) as {
    readonly repository: { readonly url: string }
  }
  t.match(gitlab.longhorn.before_script, [`npm install --global --install-links ${its.url}`])
  t.end()
})
