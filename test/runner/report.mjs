// What is printed of a run: failures first and last, and nothing that a test wrote beside.

/** A line for a group that has ended well, and its failures for one that has not. */
export function groupText({ files, passed, failures, seconds }) {
  const what = files.length === 1 ? files[0] : `${files[0]} to ${files.at(-1)}, ${files.length} files`
  if (failures.length === 0) return `ok     ${what}: ${passed} passed, ${seconds.toFixed(1)} s`
  return failures.map(failureText).join('\n')
}

/** The test, where it failed, and what differs. */
export function failureText({ name, diag = {} }) {
  const { at, diff, found, wanted, stack, source, message, error } = diag
  const place = at?.fileName ? `${at.fileName}:${at.lineNumber}:${at.columnNumber}` : undefined
  const differs =
    diff ??
    (wanted !== undefined || found !== undefined
      ? `found:  ${shown(found)}\nwanted: ${shown(wanted)}`
      : undefined)
  const details = [place, source, message ?? error, differs, place && !diag.tapCaught ? undefined : stack]
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
