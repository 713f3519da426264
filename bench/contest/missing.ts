/**
 * What `start` gives; undefined if it fails, and then `missing` gets a sentence.
 *
 * @param what the name of what cannot run here
 */
export async function orMissing<Result>(
  what: string,
  missing: string[],
  start: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await start()
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    missing.push(`${what} is left out, since it does not start here (${why}).`)
    return undefined
  }
}
