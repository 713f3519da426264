// Imported before a test: nothing of whoever runs the tests plays a part in them, such as their kubeconfig, proxies, locale
// or colours. What a test needs of that kind it sets itself.
const kept = [
  'PATH',
  'TMPDIR',
  'NODE_V8_COVERAGE',
  'NODE_COMPILE_CACHE',
  'NODE_OPTIONS',
  // What the tests themselves read.
  'HOLDFAST_CRDS',
  'HOLDFAST_ADMISSION_REVIEWS',
  'HOLDFAST_THOROUGH',
  'HOLDFAST_PATIENCE',
]

for (const name of Object.keys(process.env)) {
  // tap tells its processes about themselves in variables of their own.
  if (!kept.includes(name) && !name.startsWith('TAP') && !name.startsWith('_TAPJS')) delete process.env[name]
}
process.env.HOME = '/nonexistent'
process.env.TZ = 'UTC'
