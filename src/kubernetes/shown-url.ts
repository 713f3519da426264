/** A URL for people and logs: without the name and password that it may carry, and without a slash at its end. */
export function shownUrl(url: URL): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href.replace(/\/$/, '')
}
