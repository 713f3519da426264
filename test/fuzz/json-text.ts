/** Stands before a name that an object has twice, which no JavaScript object can have. */
const again = '\ue000'
/** Stands around a text that is written as it is, such as a number that JavaScript does not have. */
const asItIs = '\ue001'

/** A name that will be written like `name`, beside that one. */
export function twice(name: string): string {
  return again + name
}

/** A value that will be written as this text. */
export function verbatim(text: string): string {
  return asItIs + text + asItIs
}

/** JSON, with names that are there twice and with values that only JSON has. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(/"\ue000+/g, '"')
    .replaceAll(/"\ue001([^"\ue001]*)\ue001"/g, '$1')
}
