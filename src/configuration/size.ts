const units: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

/** The form of a size, as a regular expression for schemas: `4096`, `512Ki`, `50Mi`, `1Gi`. */
export const sizePattern = '^[1-9]\\d*(Ki|Mi|Gi)?$'

/** Reads a size as Kubernetes writes quantities of memory. @returns bytes, or undefined if the text is not one */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = new RegExp(sizePattern).exec(text) === null ? [] : (/^(\d+)(.*)$/.exec(text) ?? [])
  return count === undefined ? undefined : Number(count) * (units[unit ?? ''] ?? 1)
}
