import { Argument, Command } from 'commander'
import { settingFacts, type SettingName, SettingsSchema } from '../../configuration/settings.ts'
import { AuditRecordSchema } from '../../observability/audit-record.ts'
import { HoldRecordSchema } from '../../observability/hold-record.ts'
import { StateChangeSchema, StateSchema } from '../../page/state-schema.ts'
import { TrendSchema } from '../../page/trend.ts'
import { WhatIfSchema } from '../../page/what-if.ts'
import type { CommandSurroundings } from '../surroundings.ts'
import { data } from '../terminal.ts'
import { RescueStepSchema } from './rescue-step.ts'
import { VersionSchema } from './version.ts'
import { EvictionStepSchema, SnapshotSchema, StatusSchema } from './schemas.ts'

/** The documents that `holdfast schema` describes. */
export const schemaNames = [
  ...(['config', 'status', 'version', 'snapshot', 'eviction-step', 'rescue-step', 'audit', 'hold'] as const),
  ...(['state', 'state-change', 'trend', 'what-if'] as const),
] as const

/** One of the {@link schemaNames}. */
export type SchemaName = (typeof schemaNames)[number]

/** The version of JSON Schema that editors and validators know best. */
const $schema = 'http://json-schema.org/draft-07/schema#'

/** `holdfast schema`: the JSON Schema of the configuration file, or of a document that another command prints. */
export function schemaCommand({ stdout }: CommandSurroundings): Command {
  return new Command('schema')
    .description('Prints the JSON Schema of the configuration file, or of a document that Holdfast prints.')
    .addArgument(new Argument('<document>', 'the document that the schema describes').choices(schemaNames))
    .addHelpText(
      'after',
      `
config describes the file of holdfast serve --config, status the output of holdfast status -o json, version that
of holdfast version -o json, snapshot that of
holdfast snapshot, eviction-step each line of holdfast evict -o json, rescue-step each line of holdfast rescue -o json,
audit each record of holdfast audit -o json, and hold what holdfast audit --follow --holds -o json tells of requests that
wait. state, state-change, trend and what-if are documents of the API beneath the page (holdfast ui).

Fields may be added to the documents of version v1. No field is removed, and none changes its meaning.

Examples:
  $ holdfast schema config > holdfast.schema.json
  $ holdfast schema status`,
    )
    .action((name: SchemaName) => void stdout.write(data('json', schemaOf(name))))
}

/** The JSON Schema of one kind of document. */
export function schemaOf(name: SchemaName): object {
  return { $schema, ...schemas[name]() }
}

const schemas: Readonly<Record<SchemaName, () => object>> = {
  config: configurationSchema,
  status: () => StatusSchema,
  version: () => VersionSchema,
  snapshot: () => SnapshotSchema,
  'eviction-step': () => EvictionStepSchema,
  'rescue-step': () => RescueStepSchema,
  audit: () => AuditRecordSchema,
  hold: () => HoldRecordSchema,
  state: () => StateSchema,
  'state-change': () => StateChangeSchema,
  trend: () => TrendSchema,
  'what-if': () => WhatIfSchema,
}

/** Each setting with its help, for editors to show beside the key. */
function configurationSchema(): object {
  const properties = Object.entries(SettingsSchema.properties).map(([name, schema]) => [
    name,
    isSetting(name) ? { ...schema, description: describe(name) } : schema,
  ])
  return {
    ...SettingsSchema,
    $id: 'holdfast.dev/v1/Configuration',
    title: 'The configuration file of Holdfast',
    properties: Object.fromEntries(properties) as object,
  }
}

function describe(name: SettingName): string {
  const { help, byDefault } = settingFacts[name]
  return `${help} (default: ${byDefault})`
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(settingFacts, name)
}
