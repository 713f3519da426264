/** An event of a stream. */
interface StreamEvent {
  readonly name: string
  /** JSON. */
  readonly data: string
}

/** No state of a cluster is longer, in UTF-16 units. */
const longestEvent = 64 * 2 ** 20

/**
 * Reads server-sent events as a guard sends them: one `event` and one `data` line each.
 *
 * @throws Error for one that has no end
 */
export async function* eventsIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent, void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = eventOf(text.slice(0, end))
      text = text.slice(end + 2)
      if (event) yield event
    }
    if (text.length > longestEvent) throw new Error('an event of the stream has no end')
  }
}

function eventOf(block: string): StreamEvent | undefined {
  const lines = block.split('\n')
  const field = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
  const [name, data] = [field('event'), field('data')]
  return name === undefined || data === undefined ? undefined : { name, data }
}
