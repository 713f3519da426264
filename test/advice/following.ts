import type { Test } from 'tap'
import type { Finding } from '../../src/rules/finding.ts'
import { longhornDefinitions } from '../../src/sandbox/controllers/seed-objects.ts'
import { object } from '../../src/sandbox/json.ts'
import type { World } from '../commands/guarded-cluster.ts'
import type { Ended } from '../commands/holdfast.ts'

/** A command that a text tells to look with, or to run. */
const command = /(?:kubectl|holdfast) [^\n"]*?(?=\. [A-Z]|; |\.?$)/m

/**
 * Runs what a text tells to look with, as it stands there.
 *
 * @param wanted its exit code
 * @returns what it shows
 */
export async function look(
  t: Test,
  { follow, holdfast }: World,
  output: string,
  wanted = 0,
): Promise<string> {
  // Warnings stand before a denial.
  const [, rest = ''] = /\blook: ([^\n]*)/i.exec(output.replace(/^299 .*\n/, '')) ?? []
  const [line = ''] = command.exec(rest) ?? []
  const own = /^holdfast ([\w ./-]+)$/.exec(line)?.[1]
  const { code, stdout, stderr } = own === undefined ? await follow(line) : await holdfast(...own.split(' '))
  t.match({ line, code, stderr }, { line: /./, code: wanted, stderr: '' })
  return stdout
}

/** The lines of a denial by a rule, from the first to `rule …`. @throws if there is none */
export function saidBy(output: string, rule: Finding['rule']): string {
  const lines = output.split(/\n(?=\S)(?!Why:|Next:|Look:)/).find((each) => each.includes(` rule ${rule}`))
  if (lines === undefined) throw new Error(`nothing is said by ${rule}: ${output}`)
  return lines
}

/** The subject of the rule's last warning, and its text. @throws if there is none */
export function warned({ verdicts }: Pick<World, 'verdicts'>, rule: Finding['rule']): Finding {
  // Longhorn itself may have asked for something since.
  const found = verdicts.flatMap(({ warnings }) => warnings.filter((each) => each.rule === rule)).at(-1)
  if (!found) throw new Error(`no ${rule} among ${JSON.stringify(verdicts)}`)
  return found
}

/** Asks for the eviction of a node, or clears it. */
export const evicts = (evictionRequested: boolean) => ({
  spec: { allowScheduling: !evictionRequested, evictionRequested },
})

/** For an image: removes its copy from this disk. */
export const without = (uuid: string) => ({ spec: { diskFileSpecMap: { [uuid]: null } } })

/** For an image: asks for a copy on this disk too. */
export const copyOn = (uuid: string) => ({ spec: { diskFileSpecMap: { [uuid]: {} } } })

const definitions = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' }
const ofImages = 'backingimages.longhorn.io'

/** The definition of backing images turns into one with this schema, as an old release of Longhorn leaves it. */
export async function setSchema({ sandbox }: World, openAPIV3Schema: object, served = true): Promise<void> {
  const found = await sandbox.client.get(definitions, '', ofImages)
  if (!found) throw new Error(`there is no definition of ${ofImages}`)
  const versions = [{ name: 'v1beta2', served, storage: true, schema: { openAPIV3Schema } }]
  await sandbox.client.update(definitions, { ...found, spec: { ...object(found.spec), versions } })
}

/** Applies the definition of the release that runs. */
export async function applyDefinition({ follow }: World): Promise<Ended> {
  const definition = longhornDefinitions().find(({ metadata }) => metadata.name === ofImages)
  const spec = { type: 'object', properties: { diskFileSpecMap: { type: 'object' } } }
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } }
  const versions = [{ name: 'v1beta2', served: true, storage: true, schema }]
  const applied = { ...definition, spec: { ...object(definition?.spec), versions } }
  return await follow(`kubectl apply -f - <<'END'\n${JSON.stringify(applied)}\nEND`)
}
