import { mostBytes } from '../../text/bounded-file.ts'
import { depthOf, duplicateFields } from '../../json/text.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { JudgedKind } from '../../rules/change.ts'
import { FieldLines } from '../../text/field-lines.ts'
import { type GoDocument, readGoYaml } from '../../text/go-yaml.ts'
import { deepest, tooDeep, UnreadableYaml } from '../../text/yaml.ts'
import { CannotRun } from '../surroundings.ts'
import type { Place } from './place.ts'
import type { PatchProposal } from './proposal.ts'
import { readText } from './read-files.ts'

/** A patch as a person typed it. */
export interface TypedPatch extends PatchProposal {
  /** Its duplicate fields. */
  readonly twice: readonly string[]
  readonly place: Place
}

/**
 * Reads `--patch` and its target.
 *
 * @param target `nodes/node-1`
 * @returns undefined without a patch
 * @throws CannotRun
 */
export async function patchOf(
  target: string | undefined,
  { patch, type }: { readonly patch?: string; readonly type: PatchProposal['type'] },
): Promise<TypedPatch | undefined> {
  if (patch === undefined) return undefined
  const file = patch.startsWith('@') ? patch.slice(1) : undefined
  const content = file === undefined ? patch : await readText(file, 'the patch', mostBytes.patch)
  const { value, twice } = parsedPatch(content)
  const place = { file, line: file === undefined ? undefined : 1, fields: new FieldLines(content, 1) }
  return { ...targetOf(target), type, patch: value, twice, place }
}

/** As in kubectl: text that begins with a brace is JSON, other text is YAML. */
function parsedPatch(text: string): Pick<GoDocument, 'value' | 'twice'> {
  try {
    if (!text.trimStart().startsWith('{')) return readGoYaml(text)
    const value: unknown = JSON.parse(text)
    if (depthOf(text) > deepest) throw new UnreadableYaml(1, tooDeep)
    return { value, twice: duplicateFields(text) }
  } catch (cause) {
    // JSON.parse quotes the text, which may be a secret.
    const why = cause instanceof UnreadableYaml ? cause.message : 'it begins with a brace and is not JSON'
    throw new CannotRun(`--patch is neither JSON nor YAML: ${why}`, { cause })
  }
}

const judgedKinds: readonly JudgedKind[] = ['Node', 'BackingImage', 'BackingImageDataSource']

/** True for text that names an object which a patch can be for. */
export function namesObject(text: string): boolean {
  return parsedTarget(text) !== undefined
}

function targetOf(target = ''): Target {
  const found = parsedTarget(target)
  if (found) return found
  throw new CannotRun(
    `--patch needs an object, as in: holdfast check nodes/node-1 --patch …${target === '' ? '' : ` (not ${target})`}`,
  )
}

interface Target {
  readonly kind: JudgedKind
  readonly name: string
}

/** `nodes/node-1`, `node.longhorn.io/node-1`, `lhn/node-1`: the forms of kubectl. */
function parsedTarget(target: string): Target | undefined {
  const [resource = '', name = '', ...more] = target.split('/')
  const [word = '', ...rest] = resource.toLowerCase().split('.')
  const kind = judgedKinds.find((each) =>
    [kinds[each].plural, kinds[each].shortName, each.toLowerCase()].includes(word),
  )
  const isLonghorns = ['', group, `v1beta1.${group}`, `${version}.${group}`].includes(rest.join('.'))
  return !kind || name === '' || more.length > 0 || !isLonghorns ? undefined : { kind, name }
}
