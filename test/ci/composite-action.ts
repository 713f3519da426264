import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parse } from 'yaml'

/** A step of a composite action. */
interface Step {
  readonly id?: string
  readonly name: string
  readonly if?: string
  readonly shell?: string
  readonly run?: string
  readonly uses?: string
  readonly env?: Readonly<Record<string, string>>
  readonly with?: Readonly<Record<string, string>>
}

/** A composite action, as far as tests look at it. */
export interface CompositeAction {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>
  readonly outputs: Readonly<Record<string, { readonly value: string }>>
  readonly runs: { readonly using: string; readonly steps: readonly Step[] }
}

/** Reads `action.yml`. */
export async function readAction(path: string): Promise<CompositeAction> {
  return parse(await readFile(path, 'utf8')) as CompositeAction
}

/** The result of a run. */
export interface ActionRun {
  /** The exit code of the step that failed; 0 if none did. */
  readonly code: number | null
  readonly log: string
  readonly outputs: Readonly<Record<string, string>>
  /** The steps that use another action and would run, with what they get. */
  readonly used: readonly { readonly uses: string; readonly with: Readonly<Record<string, string>> }[]
}

/** Where and with what it runs. */
interface Runner {
  /** The folder of `action.yml`. */
  readonly action: string
  readonly workspace: string
  readonly inputs: Readonly<Record<string, string>>
  readonly path: string
}

/**
 * Runs the steps of a composite action as GitHub's runner does: each script in a file, by the shell that the
 * step names, with the variables of the step and of the runner, and nothing else. Of expressions it knows
 * those that the action uses.
 */
export async function runAction({ runs }: CompositeAction, runner: Runner): Promise<ActionRun> {
  const { action, workspace, inputs, path } = runner
  const folder = join(workspace, '_temp')
  await mkdir(folder, { recursive: true })
  const outputs: Record<string, Record<string, string>> = {}
  const valueOf = (expression: string): string => {
    const [, input, step = '', output = ''] =
      /^(?:inputs\.([\w-]+)|steps\.([\w-]+)\.outputs\.([\w-]+))$/.exec(expression.trim()) ?? []
    if (input !== undefined) return inputs[input] ?? ''
    if (step !== '') return outputs[step]?.[output] ?? ''
    throw new Error(`an expression that no test knows: ${expression}`)
  }
  const filled = (given: string): string =>
    given.replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression: string) => valueOf(expression))
  const allFilled = (given: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, filled(value)]))
  const holds = (condition: string): boolean =>
    /^\$\{\{(.*)\}\}$/s
      .exec(condition)?.[1]
      ?.split('&&')
      .every((part) => {
        const [left = '', operator, right = ''] = part.trim().split(/\s*(==|!=)\s*/)
        if (operator === undefined) return left === '!cancelled()'
        return (valueOf(left) === right.replaceAll("'", '')) === (operator === '==')
      }) ?? false

  let code: number | null = 0
  let log = ''
  const used: { readonly uses: string; readonly with: Readonly<Record<string, string>> }[] = []
  for (const [index, step] of runs.steps.entries()) {
    if (step.if === undefined ? code !== 0 : !holds(step.if)) continue
    if (step.uses !== undefined) {
      used.push({ uses: step.uses, with: allFilled(step.with) })
      continue
    }
    if (step.shell !== 'bash') throw new Error(`${step.name} has another shell`)
    const script = join(folder, `${index}.sh`)
    const output = join(folder, `${index}.output`)
    await writeFile(script, step.run ?? '')
    await writeFile(output, '')
    const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: workspace,
      env: {
        PATH: path,
        HOME: folder,
        RUNNER_TEMP: folder,
        GITHUB_WORKSPACE: workspace,
        GITHUB_ACTION_PATH: action,
        GITHUB_OUTPUT: output,
        ...allFilled(step.env),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    log += out + error
    if (code === 0) code = child.exitCode
    const lines = (await readFile(output, 'utf8')).split('\n').filter((line) => line !== '')
    outputs[step.id ?? index] = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
  }
  return { code, log, used, outputs: outputs.check ?? {} }
}
