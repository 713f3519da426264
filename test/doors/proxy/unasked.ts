const unexpected = () => Promise.reject(new Error('nothing is judged here'))

/** What a door works with where nothing is judged. */
export const unasked = {
  decide: unexpected,
  read: unexpected,
  ask: unexpected,
  whoIs: unexpected,
  known: () => undefined,
  enforces: true,
  denied: () => undefined,
  onProblem: () => undefined,
  stopping: new AbortController().signal,
}
