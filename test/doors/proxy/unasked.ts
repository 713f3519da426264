const unexpected = () => Promise.reject(new Error('nothing is judged here'))

/** The parts of a door that judges nothing. */
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
