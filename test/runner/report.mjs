// Prints a run: failures first and last, and no other output of tests.

/** So much of a title is shown, in UTF-16 units. */
const longestTitle = 300

/** A line for a group that has ended. */
export function groupText({ files, passed, failures, seconds }) {
  const what = files.length === 1 ? files[0] : `${files[0]} to ${files.at(-1)}, ${files.length} files`
  const failed = failures.length > 0 ? `, ${failures.length} failed` : ''
  return `${failed ? 'not ok' : 'ok    '} ${what}: ${passed} passed${failed}, ${seconds.toFixed(1)} s`
}

/** The test, the place of the failure, and the difference. */
export function failureText({ name, diag }) {
  // Not every failure has details, and tap says so with null.
  const { at, diff, found, wanted, stack, source, message, error, tapCaught } = diag ?? {}
  const place = placeOf(at, stack)
  const differs =
    diff ??
    (wanted !== undefined || found !== undefined
      ? `found:  ${shown(found)}\nwanted: ${shown(wanted)}`
      : undefined)
  const shownSource = at?.fileName?.includes('node_modules') ? undefined : source
  const details = [place, shownSource, message ?? error, differs, place && !tapCaught ? undefined : stack]
  // The name of a property that fails ends with its counter-example, which may be pages long.
  const title = name.length > longestTitle ? `${name.slice(0, longestTitle)}…` : name
  return [`not ok ${title}`, ...details.flatMap((text) => (text ? indented(String(text)) : []))].join('\n')
}

/** Where our own code failed, since the place in a library does not help. */
function placeOf(at, stack) {
  const own = /^(?!.*node_modules).*?((?:test|src)\/[^\s()]+:\d+:\d+)/m
  if (at?.fileName?.includes('node_modules')) return own.exec(stack ?? '')?.[1]
  return at?.fileName ? `${at.fileName}:${at.lineNumber}:${at.columnNumber}` : undefined
}

function shown(value) {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function indented(text) {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `       ${line}`)
    .join('\n')
}
