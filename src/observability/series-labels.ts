import type { Subject } from '../rules/finding.ts'
import { cut, plainLine } from '../text/plain-text.ts'

/** The length of a label at most, in UTF-16 units: a name of Kubernetes, or a sentence. */
const longestLabel = 256

/** A text as the value of a label: one line that ends. */
export function label(text: string | undefined): string {
  return text === undefined ? '' : cut(plainLine(text), longestLabel)
}

/** Without an age, which would make a new series at each scrape: `backing image ubuntu on disk-1 of node-1`. */
export function subjectLabel({ image, disk, node }: Subject): string {
  const what = image === undefined ? [] : [`backing image ${image}`]
  const where = disk !== undefined && node !== undefined ? [`${disk} of ${node}`] : (node ?? [])
  return label([...what, ...[where].flat()].join(' on '))
}
