/**
 * A URL whose name and password can be read: `100%` is none, since `%` begins a character there. Go refuses such a URL too.
 *
 * @returns undefined for what is no such URL
 */
export function parsedUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  try {
    decodeURIComponent(url.username + url.password)
    return url
  } catch {
    // A URIError says nothing more.
    return undefined
  }
}
