// Imported before a test: removes the settings of the person who runs the tests, such as kubeconfig, proxies or colours.
// A test sets those that it needs itself.
const kept = [
  'PATH',
  'TMPDIR',
  'NODE_V8_COVERAGE',
  'NODE_COMPILE_CACHE',
  // The tests themselves read these.
  'HOLDFAST_CRDS',
  'HOLDFAST_ADMISSION_REVIEWS',
  'HOLDFAST_THOROUGH',
  'HOLDFAST_PATIENCE',
  'HOLDFAST_PROGRAM',
]

for (const name of Object.keys(process.env)) {
  if (kept.includes(name) || isOfTap(name)) continue
  delete process.env[name]
}
process.env.HOME = '/dev/null'
process.env.TZ = 'UTC'

/** tap passes settings to its processes in such variables; `npm test` sets a limit for tap. */
function isOfTap(name) {
  if (name === 'TAP_TIMEOUT' || name.startsWith('_TAPJS')) return true
  return process.env.TAP_CHILD_ID !== undefined && (name.startsWith('TAP') || name === 'NODE_OPTIONS')
}
