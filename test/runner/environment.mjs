// Imported before a test: nothing of whoever runs the tests plays a part in them, such as their kubeconfig, proxies or
// colours. What a test needs of that kind it sets itself.
const kept = [
  'PATH',
  'TMPDIR',
  'NODE_V8_COVERAGE',
  'NODE_COMPILE_CACHE',
  // What the tests themselves read.
  'HOLDFAST_CRDS',
  'HOLDFAST_ADMISSION_REVIEWS',
  'HOLDFAST_THOROUGH',
  'HOLDFAST_PATIENCE',
]

for (const name of Object.keys(process.env)) {
  if (kept.includes(name) || isOfTap(name)) continue
  delete process.env[name]
}
process.env.HOME = '/dev/null'
process.env.TZ = 'UTC'

/** tap tells its processes about themselves in variables of their own; `npm test` sets a limit for tap. */
function isOfTap(name) {
  if (name === 'TAP_TIMEOUT' || name.startsWith('_TAPJS')) return true
  return process.env.TAP_CHILD_ID !== undefined && (name.startsWith('TAP') || name === 'NODE_OPTIONS')
}
