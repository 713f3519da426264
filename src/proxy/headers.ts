/** As Node gives them: name, value, name, value, in the case and order in which they came. */
export type RawHeaders = readonly string[]

/** Of one connection only (RFC 9110, 7.6.1); whoever passes a message on makes its own. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  // Answered by the server of the proxy itself.
  'expect',
])

/** What `Connection` cannot take away: whom a message is for, and where it ends. */
const essential = new Set(['host', 'content-length'])

/** All headers but those of the connection that they came on, which may name more. */
export function endToEnd(raw: RawHeaders): string[] {
  const named = connectionOptions(raw)
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const key = name.toLowerCase()
    if (!hopByHop.has(key) && !named?.has(key)) kept.push(name, raw[at + 1] ?? '')
  }
  return kept
}

/** The headers without some, by their names in lower case. */
export function without(raw: RawHeaders, names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (!names.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? '')
  }
  return kept
}

/** What the `Connection` headers name, however many there are; undefined if it is nothing. */
function connectionOptions(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() !== 'connection') continue
    const value = raw[at + 1] ?? ''
    // Nearly always.
    if (/^(keep-alive|close)$/i.test(value)) continue
    named ??= new Set()
    for (const each of value.split(',')) named.add(each.trim().toLowerCase())
  }
  if (named) for (const name of essential) named.delete(name)
  return named
}
