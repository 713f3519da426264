/** The questions in words. */
export const questionWords: Readonly<Partial<Record<string, string>>> = {
  passes: 'raises no danger, 9 KB',
  denied: 'is denied again, 6 KB',
  'longhorn-read': "reads a node from Longhorn's REST API",
  'longhorn-write': "writes a node to Longhorn's REST API",
  'kubernetes-read': 'reads a node from the Kubernetes API',
}

/** The servers in words. */
export const serverWords: Readonly<Partial<Record<string, string>>> = {
  bare: 'bare `node:https`, JSON.parse',
  fastify: 'fastify with ajv',
  lean: 'lean `net/http` in Go',
  'controller-runtime': 'controller-runtime in Go',
  pepr: 'Pepr’s controller',
  'http-proxy': 'bare `@fastify/http-proxy`',
  nginx: 'nginx',
  holdfast: 'Holdfast',
}
