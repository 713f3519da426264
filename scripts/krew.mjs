// Writes the manifest with which Krew installs the kubectl plugin of a release, for the packed tarball that is named:
//
//   npm run --silent krew -- holdfast-0.1.0.tgz > holdfast.yaml
//
// Krew wants an archive for each platform. Holdfast is the same on all: the archive is the package on npm, whose program
// begins with #!/usr/bin/env node. So the plugin needs Node.js on the PATH, and Windows, which knows no such line, is left out.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

const [tarball] = process.argv.slice(2)
if (tarball === undefined) {
  console.error('Name the tarball that npm run pack has made.')
  process.exit(2)
}
const { name, version, homepage, engines } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
)
const needs = `Node.js ${engines.node.replace('>=', '')} or newer`

const manifest = {
  apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
  kind: 'Plugin',
  metadata: { name },
  spec: {
    version: `v${version}`,
    homepage: homepage.replace(/#.*$/, ''),
    shortDescription: 'Empty Longhorn nodes without a crash',
    description: `Shows what Longhorn moves and cleans up, asks whether a change would be dangerous, and empties
nodes without a crash of a longhorn-manager and without losing a copy of a backing image.
Some commands need Holdfast's admission guard in the cluster, others do not.
`,
    caveats: `This plugin is a program for ${needs}, which has to be on your PATH as "node".
Where a message names a command of "holdfast", run it as "kubectl holdfast".
`,
    platforms: [
      {
        selector: { matchExpressions: [{ key: 'os', operator: 'In', values: ['darwin', 'linux'] }] },
        uri: `https://registry.npmjs.org/${name}/-/${name}-${version}.tgz`,
        sha256: createHash('sha256').update(readFileSync(tarball)).digest('hex'),
        files: [{ from: 'package/*', to: '.' }],
        bin: 'dist/kubectl-holdfast.js',
      },
    ],
  },
}
process.stdout.write(stringify(manifest, { blockQuote: 'literal', lineWidth: 0 }))
