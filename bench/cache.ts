import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder of what a comparison builds or installs, once. */
export const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'holdfast', 'bench')
