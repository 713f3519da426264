// Decides which modules share a file of the bundle. Each command is a file. What several of them use is in a few more, so
// that no command loads a library that it does not use.

/** What only these commands use is in files for them: they run a server. */
const servers = ['serve', 'proxy', 'sandbox', 'ui'].map((name) => `/src/commands/${name}/command.ts`)

/** What these load is loaded by every command. */
const starting = ['/src/main.ts', '/src/program.ts']

/** Packages with a file of their own, since some commands do without them. */
const ownFiles = {
  'json-schema': ['ajv', 'fast-uri', 'fast-deep-equal', 'json-schema-traverse', 'typebox'],
  yaml: ['yaml'],
  ws: ['ws'],
}

/**
 * Names the file of each module. Null leaves it to rolldown: what one command alone uses is in the file of that command.
 *
 * @returns {import('rolldown').CodeSplittingNameFunction}
 */
export function chunkNames() {
  /** @type {ReadonlyMap<string, ReadonlySet<string>> | undefined} */
  let users
  return (id, context) => {
    users ??= usersOf(id, context)
    const by = [...(users.get(id) ?? [])]
    if (context.getModuleInfo(id)?.isEntry) return null
    for (const [name, packages] of Object.entries(ownFiles))
      if (packages.includes(packageOf(id) ?? '')) return name
    if (id.includes('/src/sandbox/')) return 'embedded-cluster'
    if (by.length < 2) return null
    if (by.some((user) => isOneOf(user, starting))) return 'start'
    if (!by.every((user) => isForServers(user, users ?? new Map(), context))) return 'cluster'
    return packageOf(id) === undefined ? 'server' : 'http'
  }
}

/** @param {string} id @param {readonly string[]} paths */
function isOneOf(id, paths) {
  return paths.some((path) => id.endsWith(path))
}

/**
 * True for the command of a server, and for what only such commands import when they need it. A package that is imported
 * so says nothing of who needs the packages below it.
 *
 * @param {string} user
 * @param {ReadonlyMap<string, ReadonlySet<string>>} users
 * @param {import('rolldown').ChunkingContext} context
 * @param {readonly string[]} [above] asked about it
 * @returns {boolean}
 */
function isForServers(user, users, context, above = []) {
  if (isOneOf(user, servers) || packageOf(user) !== undefined || above.includes(user)) return true
  const importers = context.getModuleInfo(user)?.dynamicImporters ?? []
  const by = importers.flatMap((importer) => [...(users.get(importer) ?? [])])
  return by.length > 0 && by.every((each) => isForServers(each, users, context, [...above, user]))
}

/** The package of a module; undefined for one of ours. @param {string} id */
export function packageOf(id) {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]
}

/**
 * The file of a command has its name: `src/commands/status/command.ts` is `status.js`.
 *
 * @param {{ name: string, facadeModuleId?: string | null }} chunk
 */
export function fileName({ name, facadeModuleId }) {
  const [, path] = /\/src\/commands\/(.*)\.ts$/.exec(facadeModuleId ?? '') ?? []
  const command = path
    ?.replace(/\/command$/, '')
    .replace(/^.*\//, '')
    .replace(/-command$/, '')
  return `${command ?? packageOf(facadeModuleId ?? '')?.replace('/', '-') ?? name}.js`
}

/**
 * By module, the entries that load it: the program, and each module that is imported only when it is needed.
 *
 * @param {string} any module
 * @param {import('rolldown').ChunkingContext} context
 */
function usersOf(any, context) {
  /** @type {Map<string, Set<string>>} */
  const users = new Map()
  const entries = [entryAbove(any, context)]
  // The list grows while it is walked.
  for (const entry of entries) {
    const reached = [entry]
    for (const id of reached) {
      const before = users.get(id) ?? new Set()
      if (before.has(entry)) continue
      users.set(id, before.add(entry))
      const info = context.getModuleInfo(id)
      reached.push(...(info?.importedIds ?? []))
      for (const later of info?.dynamicallyImportedIds ?? [])
        if (!entries.includes(later)) entries.push(later)
    }
  }
  return users
}

/**
 * The program, found from any module.
 *
 * @param {string} any
 * @param {import('rolldown').ChunkingContext} context
 */
function entryAbove(any, context) {
  const seen = [any]
  for (const id of seen) {
    const info = context.getModuleInfo(id)
    if (info?.isEntry) return id
    for (const above of [...(info?.importers ?? []), ...(info?.dynamicImporters ?? [])])
      if (!seen.includes(above)) seen.push(above)
  }
  return any
}
