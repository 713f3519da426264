import { mostBytes } from '../../files/bounded-file.ts'
import { depthOf, duplicateFields } from '../../json/text.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { JudgedKind } from '../../rules/change.ts'
import { type GoDocument, readGoYaml } from '../../text/go-yaml.ts'
import { deepest, tooDeep, UnreadableYaml } from '../../text/yaml.ts'
import { CannotRun } from '../surroundings.ts'
import type { PatchProposal } from './proposal.ts'
import { readText } from './read-files.ts'

/** A patch as a person typed it. */
export interface TypedPatch extends PatchProposal {
  /** Its duplicate fields. */
  readonly twice: readonly string[]
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
  const content = patch.startsWith('@') ? await readText(patch.slice(1), 'the patch', mostBytes.patch) : patch
  const { value, twice } = parsedPatch(content)
  return { ...targetOf(target), type, patch: value, twice }
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

/** `nodes/node-1`, `node.longhorn.io/node-1`, `lhn/node-1`: the forms of kubectl. */
function targetOf(target = ''): { readonly kind: JudgedKind; readonly name: string } {
  const [resource = '', name = '', ...more] = target.split('/')
  const [word = '', ...rest] = resource.toLowerCase().split('.')
  const kind = judgedKinds.find((each) =>
    [kinds[each].plural, kinds[each].shortName, each.toLowerCase()].includes(word),
  )
  const isLonghorns = ['', group, `v1beta1.${group}`, `${version}.${group}`].includes(rest.join('.'))
  if (!kind || name === '' || more.length > 0 || !isLonghorns) {
    throw new CannotRun(
      `--patch needs an object, as in: holdfast check nodes/node-1 --patch …${target === '' ? '' : ` (not ${target})`}`,
    )
  }
  return { kind, name }
}
