/**
 * The rooms of src/ and what each may import: imports point downwards only. A folder that is not named here
 * fails the lint test, so a new room has to say where it stands.
 *
 * @type {Record<string, { may: string[], pure?: true }>}
 */
export const rooms = {
  time: { may: [] },
  text: { may: ['time'] },
  json: { may: ['text'], pure: true },
  longhorn: { may: ['json', 'text'], pure: true },
  'disk-map': { may: ['longhorn'], pure: true },
  rules: { may: ['disk-map', 'longhorn', 'json', 'text'], pure: true },
  gate: { may: ['rules', 'disk-map', 'longhorn', 'text', 'time'] },
  tls: { may: ['text', 'time'] },
  configuration: { may: ['rules', 'longhorn', 'text', 'time'] },
  kubernetes: { may: ['gate', 'tls', 'disk-map', 'longhorn', 'json', 'text', 'time'] },
  doors: { may: ['gate', 'rules', 'longhorn', 'tls', 'json', 'text', 'time'] },
  observability: {
    may: ['doors', 'gate', 'rules', 'disk-map', 'longhorn', 'json', 'text', 'time'],
  },
  page: { may: ['observability', 'gate', 'rules', 'disk-map', 'longhorn', 'text', 'time'] },
  server: {
    may: [
      'page',
      'doors',
      'kubernetes',
      'observability',
      'configuration',
      'tls',
      'gate',
      'rules',
      'disk-map',
      'longhorn',
      'text',
      'time',
    ],
  },
  sandbox: { may: ['json', 'longhorn', 'tls', 'time'] },
  commands: {
    may: [
      'server',
      'page',
      'sandbox',
      'doors',
      'kubernetes',
      'observability',
      'configuration',
      'tls',
      'gate',
      'rules',
      'disk-map',
      'longhorn',
      'json',
      'text',
      'time',
    ],
  },
}

/**
 * Folders of a room that is not pure whose files are, but for those that read, write and take flags: what is made of a text, and
 * what a command shows and advises, of what the files beside it have read.
 *
 * @type {Record<string, { room: string, impure: string[] }>} by folder
 */
export const pureFolders = {
  'src/text': { room: 'text', impure: ['bounded-file'] },
  'src/commands/status': { room: 'commands', impure: ['command', 'display', 'watch'] },
  'src/commands/doctor': { room: 'commands', impure: ['cluster-reader', 'command', 'gather', 'prove-guard'] },
  'src/commands/compare-crds': { room: 'commands', impure: ['command', 'read-definitions'] },
  'src/commands/rescue': { room: 'commands', impure: ['attempt', 'command', 'guard', 'look', 'rescue'] },
  'src/commands/evict': {
    room: 'commands',
    impure: [
      'carry-out',
      'command',
      'drain',
      'evict',
      'eviction',
      'insist-on-hold',
      'plan-command',
      'plan-file',
      'reopen',
      'reopen-command',
      'report',
      'writes',
    ],
  },
}

/** What a pure room must not touch: data in, data out. */
const impurePackages = [
  'node:*',
  '!node:util',
  'fastify',
  'fastify/*',
  '@kubernetes/*',
  'pino',
  'undici',
  'commander',
]
const impureGlobals = [
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'performance',
  'fetch',
  'console',
]

/**
 * The ESLint rules that keep one room's imports pointing downwards.
 *
 * @param {string} room a key of {@link rooms}
 * @param {{ pure?: boolean }} [of] whether these files of it are pure; as the room is, if not given
 */
export function roomRules(room, of = {}) {
  const { may, pure } = { ...(rooms[room] ?? { may: [] }), ...of }
  const above = Object.keys(rooms).filter((other) => other !== room && !may.includes(other))
  const patterns = [
    {
      group: [...above.map((other) => `**/${other}/**`), '**/main.ts', '**/program.ts', '**/command-line.ts'],
      message: `src/${room} may import only from: ${[room, ...may].join(', ')}. Imports point downwards.`,
    },
  ]
  if (!pure) return { 'no-restricted-imports': ['error', { patterns }] }
  return {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          ...patterns,
          { group: impurePackages, message: `src/${room} is pure: no I/O, no logger.` },
          { group: ['**/bounded-file.ts'], message: `src/${room} is pure: it reads no file.` },
        ],
      },
    ],
    'no-restricted-globals': [
      'error',
      ...impureGlobals.map((name) => ({ name, message: `src/${room} is pure: data in, data out.` })),
    ],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'Time comes in from outside.' },
      { object: 'Math', property: 'random', message: 'Randomness comes in from outside.' },
    ],
  }
}
