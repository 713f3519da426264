import { Type } from 'typebox'
import { profiles } from '../../longhorn/releases.ts'
import { apiVersion, oneOf, orNull, Text, text } from './fields.ts'

/** JSON Schema of what `holdfast version -o json` prints. */
export const VersionSchema = Type.Object(
  {
    apiVersion,
    kind: Type.Literal('Version'),
    client: Type.Object({
      version: text('Of Holdfast.'),
      node: text('Of Node.js.'),
      platform: text('Operating system and processor: linux/x64.'),
    }),
    guard: orNull(
      Type.Array(Type.Object({ replica: Text, version: Text })),
      'The replicas of the guard. Null if they cannot be asked, or were not.',
    ),
    longhorn: orNull(
      Type.Object({
        release: orNull(Text, 'As in Setting current-longhorn-version. Null if it is not known.'),
        profile: oneOf(profiles, 'What the release does when an eviction meets a clean-up.'),
        assumed: Type.Boolean({
          description: 'True if the release is not known or names none, so that the worst is assumed.',
        }),
      }),
      'Null if it cannot be read, or was not.',
    ),
  },
  { $id: 'holdfast.dev/v1/Version', title: 'What holdfast version shows' },
)
