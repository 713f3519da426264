import { LineCounter } from 'yaml'
import { Type } from 'typebox'
import { mostBytes, readBoundedStream } from '../../text/bounded-file.ts'
import { parser } from '../../json/schema.ts'
import { inWords } from '../../text/system-error.ts'
import { decodedText, parseYaml, UnreadableYaml, valueOf } from '../../text/yaml.ts'
import { readText } from '../check/read-files.ts'
import { CannotRun, type Surroundings } from '../surroundings.ts'

/** What a plan that was made before says. */
interface PlanFound {
  readonly nodes: readonly string[]
  readonly batches: readonly (readonly string[])[]
}

const Names = Type.Array(Type.String({ minLength: 1 }))

const parsePlan = parser(
  Type.Object({
    apiVersion: Type.Literal('holdfast.dev/v1'),
    kind: Type.Literal('EvictionPlan'),
    possible: Type.Boolean(),
    reopen: Type.Optional(Type.Boolean()),
    batches: Type.Optional(Type.Array(Type.Object({ nodes: Names }))),
    problems: Type.Optional(Type.Array(Type.String())),
  }),
  (plan) => plan,
)

/**
 * Reads what `holdfast plan -o json` or `-o yaml` wrote.
 *
 * @param path `-` for standard input
 * @throws CannotRun for what is no plan that can be carried out in one go
 */
export async function readPlan(path: string, stdin: Surroundings['stdin']): Promise<PlanFound> {
  const source = path === '-' ? 'standard input' : path
  const text = path === '-' ? await textOf(stdin) : await readText(path, 'the plan', mostBytes.plan)
  const plan = parsePlan(documentIn(text, source))
  if (!plan.ok) {
    throw new CannotRun(`${source} is no plan: ${plan.problem}. Make one with: holdfast plan NODE… -o json`)
  }
  const { possible, reopen = false, batches = [], problems = [] } = plan.value
  if (!possible) throw new CannotRun(`${source} says that there is no order: ${problems.join('; ')}`)
  const nodes = batches.flatMap((batch) => batch.nodes)
  if (nodes.length === 0) throw new CannotRun(`${source} has no node in its batches`)
  if (reopen) {
    const commands = batches.map((batch) => `holdfast evict ${batch.nodes.join(' ')}`)
    throw new CannotRun(
      `in ${source} the nodes of a batch are in service again before the next begins (--reopen), which only you can see to. Run its batches one by one, with holdfast reopen in between:\n  ${commands.join('\n  ')}`,
    )
  }
  return { nodes, batches: batches.map((batch) => batch.nodes) }
}

async function textOf(stdin: Surroundings['stdin']): Promise<string> {
  try {
    return decodedText(await readBoundedStream(stdin(), mostBytes.plan))
  } catch (cause) {
    throw new CannotRun(`cannot read standard input: ${inWords(cause)}`, { cause })
  }
}

/** JSON is YAML too. */
function documentIn(text: string, source: string): unknown {
  try {
    const lines = new LineCounter()
    return valueOf(parseYaml(text, lines), lines)
  } catch (cause) {
    if (cause instanceof UnreadableYaml) throw new CannotRun(`${source}: ${cause.message}`, { cause })
    throw cause
  }
}
