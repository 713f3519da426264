/**
 * The rooms of src/ and what each may import: imports point downwards only. A folder that is not named here
 * fails the lint test, so a new room has to say where it stands.
 *
 * @type {Record<string, { may: string[], pure?: true }>}
 */
export const rooms = {
  json: { may: [], pure: true },
  text: { may: [], pure: true },
  traffic: { may: [] },
  longhorn: { may: ['text'], pure: true },
  'disk-map': { may: ['longhorn'], pure: true },
  rules: { may: ['disk-map', 'longhorn', 'text'], pure: true },
  gate: { may: ['rules', 'disk-map', 'longhorn', 'text'] },
  audit: { may: ['gate', 'rules', 'longhorn', 'text'] },
  operator: { may: ['audit', 'text', 'traffic'] },
  telemetry: { may: ['gate', 'rules', 'disk-map', 'longhorn', 'text', 'traffic'] },
  tls: { may: [] },
  terminal: { may: ['text'] },
  kubernetes: { may: ['gate', 'tls', 'disk-map', 'longhorn', 'text'] },
  configuration: { may: ['rules', 'longhorn', 'text'] },
  webhook: { may: ['tls', 'gate', 'rules', 'longhorn', 'text', 'traffic'] },
  proxy: { may: ['gate', 'rules', 'longhorn', 'json', 'text', 'traffic'] },
  eviction: { may: ['rules', 'disk-map', 'longhorn'], pure: true },
  check: { may: ['webhook', 'gate', 'rules', 'disk-map', 'longhorn', 'json', 'text'] },
  guard: {
    may: [
      'webhook',
      'proxy',
      'kubernetes',
      'telemetry',
      'operator',
      'audit',
      'configuration',
      'tls',
      'gate',
      'rules',
      'disk-map',
      'longhorn',
      'text',
      'traffic',
    ],
  },
  status: { may: ['terminal', 'gate', 'rules', 'disk-map', 'longhorn', 'text'], pure: true },
  doctor: { may: ['terminal', 'tls', 'gate', 'rules', 'disk-map', 'longhorn', 'text'], pure: true },
  sandbox: { may: ['json', 'longhorn', 'tls'] },
  story: { may: ['kubernetes', 'terminal', 'longhorn'] },
  commands: {
    may: [
      'story',
      'status',
      'doctor',
      'guard',
      'check',
      'eviction',
      'json',
      'configuration',
      'webhook',
      'proxy',
      'sandbox',
      'kubernetes',
      'telemetry',
      'operator',
      'audit',
      'terminal',
      'tls',
      'gate',
      'rules',
      'disk-map',
      'longhorn',
      'text',
    ],
  },
}

/** What a pure room must not touch: data in, data out. */
const impurePackages = ['node:*', 'fastify', 'fastify/*', '@kubernetes/*', 'pino', 'undici', 'commander']
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
 */
export function roomRules(room) {
  const { may, pure } = rooms[room] ?? { may: [] }
  const above = Object.keys(rooms).filter((other) => other !== room && !may.includes(other))
  const patterns = [
    {
      group: [...above.map((other) => `**/${other}/**`), '**/main.ts', '**/command-line.ts'],
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
