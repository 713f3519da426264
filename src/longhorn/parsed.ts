/** What parsing yields: the value, or a sentence that says which field is wrong and how. Parsers never throw. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }
