// Run by npm before it packs a checkout: `npm install --global git+https://…` and pre-commit get a built Holdfast so.
import { execSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const { npm_command: command, npm_config_global: global } = process.env

/** @param {string} line a command line */
function run(line) {
  execSync(line, { stdio: 'inherit', env: { ...process.env, npm_config_global: '' } })
}

// `npm ci` comes before a build of one's own, or without what a build takes.
if (command !== 'ci' && !existsSync('dist/main.js')) {
  // npm leaves out what a build takes if it installs for all: its own installation of the checkout is global then too.
  if (global === 'true') run('npm ci --include=dev --ignore-scripts --no-audit --no-fund --no-progress')
  run('npm run --silent build')
}
