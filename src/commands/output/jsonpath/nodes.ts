/**
 * A part of a template of `kubectl -o jsonpath`. It is no JSONPath as RFC 9535 has it: there is text around the paths, there are
 * loops, and a missing key is no error.
 */
export type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'value'; readonly value: number | boolean }
  | { readonly type: 'list'; readonly nodes: readonly Node[] }
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'slice'; readonly params: SliceParams }
  | { readonly type: 'filter'; readonly left: List; readonly operator: string; readonly right: List }
  | { readonly type: 'wildcard' }
  | { readonly type: 'recursive' }
  | { readonly type: 'union'; readonly lists: readonly List[] }
  | { readonly type: 'identifier'; readonly name: string }

/** Steps of which each begins where the one before it has ended. */
export type List = Extract<Node, { readonly type: 'list' }>

/** `[1]`, `[0:3]`, `[:4:2]`. */
export interface SliceParams {
  readonly from: number | undefined
  /** Behind the last one. */
  readonly to: number | undefined
  /** True for `[1]`: the end follows from the beginning. */
  readonly isOne: boolean
  readonly step: number | undefined
}

/** A template that kubectl would not take either, or that does not fit the document. */
export class TemplateProblem extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TemplateProblem'
  }
}
