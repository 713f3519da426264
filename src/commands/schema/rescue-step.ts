import { type TSchema, Type } from 'typebox'
import { apiVersion, Count, oneOf, orNull, Text } from './fields.ts'

const FlagsSchema = Type.Object(
  { node: Type.Boolean({ description: 'That of the node itself.' }), disks: Type.Array(Text) },
  { description: 'Eviction flags. Disks are named.' },
)

const CleanupOnNode = { image: Text, diskUUID: Text, disk: Text, state: Text, since: Type.Number() }

/** A step of `holdfast rescue`. @param rest its own fields */
function rescueStep<const S extends string, P extends Record<string, TSchema>>(
  name: S,
  description: string,
  rest: P,
) {
  return Type.Object(
    { apiVersion, kind: Type.Literal('RescueStep'), node: Text, step: Type.Literal(name), ...rest },
    { description },
  )
}

/** JSON Schema of each document that `holdfast rescue -o json` prints. */
export const RescueStepSchema = Type.Union(
  [
    rescueStep('clear', 'Holdfast takes these flags down and notes them on the node.', {
      flags: FlagsSchema,
      cleanups: Type.Array(Type.Object(CleanupOnNode), { description: 'What they met.' }),
    }),
    rescueStep(
      'take-over',
      'Holdfast makes the note of the guard its own, so that no guard raises the flags.',
      {},
    ),
    rescueStep('wait-for-cleanup', 'These clean-ups have to end before the flags may go up again.', {
      cleanups: Type.Array(
        Type.Object({
          ...CleanupOnNode,
          stoppedBy: orNull(Text, 'What keeps Longhorn from ending it. Null if nothing is known to.'),
        }),
      ),
    }),
    rescueStep('wait-for-manager', 'The longhorn-manager of the node is not ready.', {
      pod: orNull(Text, 'Null if the node has none, or if pods may not be looked at.'),
      restarts: Count,
      reason: orNull(Text, 'Why it is not ready. Null if that is not known.'),
    }),
    rescueStep('wait-for-notice', 'Longhorn may not have noticed yet that no clean-up is pending.', {
      until: Type.Number({ description: 'Milliseconds by a clock of this process.' }),
    }),
    rescueStep('wait-for-rule', 'The guard would hold the flags back by another rule.', {
      problems: Type.Array(Text),
    }),
    rescueStep('raise', 'Holdfast raises these flags again and takes the note away.', { flags: FlagsSchema }),
    rescueStep('forget', 'Holdfast takes the note away and leaves the flags as they are.', {
      why: oneOf(['leave-cleared', 'already-up'], 'Why no flag is raised.'),
    }),
    rescueStep('done', 'No eviction meets a clean-up on the node.', {
      noted: FlagsSchema,
      manager: oneOf(['ready', 'not ready'], 'How its longhorn-manager stands.'),
    }),
    rescueStep('gone', 'The node was deleted.', {}),
    rescueStep('blocked', 'The flags are down and cannot be raised again.', { problems: Type.Array(Text) }),
  ],
  { $id: 'holdfast.dev/v1/RescueStep', title: 'A step of holdfast rescue' },
)
