/** The label with the image of a replica, empty if it has none. Longhorn sets it whenever it writes a replica. */
const imageLabel = 'longhorn.io/backing-image'

/** The label with the UUID of its disk, set together with the other one. */
const diskLabel = 'longhorndiskuuid'

/** A longer list would not fit a URL; then replicas on those disks are read too. */
const mostDisks = 64

/**
 * Label selectors that together find the replicas which may use the copies of an image on other disks than these:
 * those that Longhorn has labelled so, and those that somebody made without its labels.
 *
 * @param elsewhere UUIDs of disks
 */
export function selectorsOfReplicas(image: string, elsewhere: readonly string[]): string[] {
  const unlabelled = `!${imageLabel}`
  // No replica of Longhorn can have such a label.
  if (!isLabelValue(image)) return [unlabelled]
  const disks = elsewhere.filter(isLabelValue)
  const onOthers =
    disks.length > 0 && disks.length <= mostDisks ? `,${diskLabel} notin (${disks.join(',')})` : ''
  return [`${imageLabel}=${image}${onOthers}`, unlabelled]
}

/** As the API server checks it: a selector with any other is refused. */
function isLabelValue(text: string): boolean {
  return text.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)
}
