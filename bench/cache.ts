import { cacheFolder } from '../test/fixtures/cache-folder.ts'

/** The folder of what a comparison builds or installs, once. */
export const cache = cacheFolder('bench')
