import { fieldOf, isJsonObject, type JsonObject } from '../../json/schema.ts'
import type { JudgedKind } from '../../rules/change.ts'
import type { Finding } from '../../rules/finding.ts'

/** The field that a user would change to answer a finding, as far as it is written. */
export function offendingField(
  { rule, subjects }: Pick<Finding, 'rule' | 'subjects'>,
  kind: JudgedKind,
  written: JsonObject,
): string {
  const spec = fieldOf(written, 'spec')
  switch (kind) {
    case 'Node':
      return rule === 'disk-removal-with-copies' ? 'spec.disks' : flagOf(spec, subjects)
    case 'BackingImage': {
      const copies = fieldOf(spec, 'diskFileSpecMap')
      const uuid = subjects.find(({ diskUUID = '' }) => fieldOf(copies, diskUUID) !== undefined)?.diskUUID
      return uuid === undefined ? 'spec.diskFileSpecMap' : `spec.diskFileSpecMap.${uuid}`
    }
    case 'BackingImageDataSource':
      return 'spec.diskUUID'
  }
}

/** The flag that is raised: of a disk that the finding names, of the node, or of any disk. */
function flagOf(spec: unknown, subjects: Finding['subjects']): string {
  const disks = fieldOf(spec, 'disks')
  const raised = isJsonObject(disks)
    ? Object.keys(disks).filter((name) => isRaised(fieldOf(disks, name)))
    : []
  const named = raised.find((name) => subjects.some(({ disk }) => disk === name))
  const ofDisk = (name: string): string => `spec.disks.${name}.evictionRequested`
  if (named !== undefined) return ofDisk(named)
  const [first] = raised
  return isRaised(spec) || first === undefined ? 'spec.evictionRequested' : ofDisk(first)
}

function isRaised(flagged: unknown): boolean {
  return fieldOf(flagged, 'evictionRequested') === true
}
