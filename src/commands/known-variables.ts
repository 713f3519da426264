import { settingNames } from '../configuration/settings.ts'
import { nearest } from '../text/nearest.ts'
import { CannotRun } from './exit-code.ts'
import { variableOf } from './setting-options.ts'
import type { Environment } from './surroundings.ts'
import { isServiceLink } from './variable-option.ts'

/** Variables that are no settings: of single commands, and of the project's own tests, which a developer has set. */
const others = [
  ...['HOLDFAST_CONFIG', 'HOLDFAST_PROXY_LISTEN'],
  ...['HOLDFAST_CRDS', 'HOLDFAST_ADMISSION_REVIEWS', 'HOLDFAST_PATIENCE', 'HOLDFAST_THOROUGH'],
]

/** A misspelt variable would be passed over, and the command run with other settings than wanted. @throws CannotRun */
export function refuseUnknownVariables(env: Environment): void {
  const known = [...settingNames.map(variableOf), ...others]
  const unknown = Object.entries(env).flatMap(([name, value = '']) =>
    name.startsWith('HOLDFAST_') && !known.includes(name) && !isServiceLink(name, value) ? [name] : [],
  )
  if (unknown.length === 0) return
  throw new CannotRun(
    unknown
      .map((name) => {
        const meant = nearest(name, known)
        return `unknown variable ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`
      })
      .join('\n'),
  )
}
