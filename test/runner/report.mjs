// What is printed of a run: failures first and last, and nothing that a test wrote beside.

/** A line for a group that has ended. */
export function groupText({ files, passed, failures, seconds }) {
  const what = files.length === 1 ? files[0] : `${files[0]} to ${files.at(-1)}, ${files.length} files`
  const failed = failures.length > 0 ? `, ${failures.length} failed` : ''
  return `${failed ? 'not ok' : 'ok    '} ${what}: ${passed} passed${failed}, ${seconds.toFixed(1)} s`
}

/** The test, where it failed, and what differs. */
export function failureText({ name, diag }) {
  // Not every failure has details, and tap says so with null.
  const { at, diff, found, wanted, stack, source, message, error, tapCaught } = diag ?? {}
  const place = at?.fileName ? `${at.fileName}:${at.lineNumber}:${at.columnNumber}` : undefined
  const differs =
    diff ??
    (wanted !== undefined || found !== undefined
      ? `found:  ${shown(found)}\nwanted: ${shown(wanted)}`
      : undefined)
  const details = [place, source, message ?? error, differs, place && !tapCaught ? undefined : stack]
  return [`not ok ${name}`, ...details.flatMap((text) => (text ? indented(String(text)) : []))].join('\n')
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
