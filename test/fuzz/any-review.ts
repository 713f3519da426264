import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { review } from '../doors/webhook/review-builder.ts'
import { root } from '../fixtures/root.ts'
import { anyWrite } from './any-write.ts'
import { jsonText } from './json-text.ts'
import { mangle, mangleText } from './mangle.ts'
import { Random } from './random.ts'
import { copyOf, type Fields, fieldsAt, isFields, type RawObject, type RawObjects } from './raw.ts'

const folder = process.env.HOLDFAST_ADMISSION_REVIEWS ?? join(root, 'test/fixtures/admission-reviews')

/** Reviews as an API server once sent them. */
const recorded: readonly Fields[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Fields)

/** Objects of recorded reviews, to be stored in a cluster so that these are about something. */
export function recordedObjects(random: Random): readonly RawObject[] {
  const object = fieldsAt(random.oneOf(recorded), 'request', 'oldObject')
  return typeof object.kind === 'string' ? [object as RawObject] : []
}

const longhorn = 'system:serviceaccount:longhorn-system:longhorn-service-account'

/** The limit in UTF-16 units; the largest bodies are tried elsewhere, since they take long. */
const largest = 1_000_000

/** The body of a review: one as an API server sends it, or what somebody else could make of one. */
export function anyReview(objects: RawObjects, random: Random): Buffer {
  const made = random.chance(0.08) ? copyOf(random.oneOf(recorded)) : reviewOf(objects, random)
  fieldsAt(made, 'request').uid = `uid-${random.below(1e9)}`
  if (random.chance(0.35)) return Buffer.from(jsonText(made))
  const mangled = copyOf(made)
  for (let count = random.chance(0.6) ? 1 : 2 + random.below(3); count > 0; count -= 1)
    mangleReview(mangled, fieldsAt(mangled, 'request'), random)
  const text = jsonText(mangled)
  // A body that is mangled twice can exceed the limit.
  if (text.length > largest) return Buffer.from(jsonText(made))
  return random.chance(0.06) ? mangleText(text, random) : Buffer.from(text)
}

function reviewOf(objects: RawObjects, random: Random): Fields {
  const { kind, operation, before, after } = anyWrite(objects, random)
  const username = random.chance(0.3) ? longhorn : `user-${random.below(5)}`
  const name = (before ?? after)?.metadata.name ?? ''
  return review(kind, { operation, before, after, name, username, dryRun: random.chance(0.1) })
}

/** Some of what is mangled is the same in both objects: it is stored like that. */
function mangleReview(made: Fields, request: Fields, random: Random): void {
  const part = random.oneOf(['spec', 'spec', 'metadata', 'status', 'all'])
  const within = (object: unknown): unknown => (isFields(object) && part !== 'all' ? object[part] : object)
  const [after, before] = [within(request.object), within(request.oldObject)]
  switch (random.below(6)) {
    case 0:
      mangle(made, random)
      return
    case 1:
      mangle(request, random)
      return
    case 2:
      mangle(before, random)
      return
    case 3: {
      const seed = random.below(2 ** 32)
      mangle(after, new Random(seed))
      mangle(before, new Random(seed))
      return
    }
    default:
      mangle(after, random)
  }
}
