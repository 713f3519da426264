import { Type } from 'typebox'
import { optional, parser } from '../json/schema.ts'
import { type Metadata, MetadataSchema, readMetadata } from './metadata.ts'

/** JSON Schema of the fields of `settings.longhorn.io` in longhorn.md §1: the value is at the top level. */
export const SettingSchema = Type.Object({ metadata: MetadataSchema, value: optional(Type.String()) })

/** One setting of Longhorn, `settings.longhorn.io`. Values are texts, numbers too. */
export interface Setting {
  readonly kind: 'Setting'
  readonly metadata: Metadata
  readonly value: string
}

/** The settings that judging depends on. */
export const settingNames = {
  currentVersion: 'current-longhorn-version',
  replenishLimit: 'concurrent-backing-image-replenish-per-node-limit',
} as const

/** Parses an untrusted `settings.longhorn.io` object. */
export const parseSetting = parser(SettingSchema, (raw): Setting => ({
  kind: 'Setting',
  metadata: readMetadata(raw.metadata),
  value: raw.value ?? '',
}))
