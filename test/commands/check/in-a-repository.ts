import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { type Ended, run } from '../holdfast.ts'

/** The UUID of disk a of node-1, on which a clean-up is pending. */
export const uuid = '00000001-aaaa-4bbb-8ccc-000000000001'

/** Two nodes with two disks each; of image ubuntu a copy is being removed, and a ready one is on the other node. */
export const snapshot = `apiVersion: holdfast.dev/v1
kind: Snapshot
takenAt: 2026-11-23T18:00:00Z
kinds: [Node, BackingImage, BackingImageManager, BackingImageDataSource, Replica, Setting]
items:
  - apiVersion: longhorn.io/v1beta2
    kind: Node
    metadata: {name: node-1, namespace: longhorn-system}
    spec: &spec
      allowScheduling: true
      disks: {a: {path: /a, allowScheduling: true}, b: {path: /b, allowScheduling: true}}
    status: {diskStatus: {a: {diskUUID: ${uuid}}, b: {diskUUID: b-of-1}}}
  - apiVersion: longhorn.io/v1beta2
    kind: Node
    metadata: {name: node-2, namespace: longhorn-system}
    spec: *spec
    status: {diskStatus: {a: {diskUUID: a-of-2}, b: {diskUUID: b-of-2}}}
  - apiVersion: longhorn.io/v1beta2
    kind: BackingImage
    metadata: {name: ubuntu, namespace: longhorn-system}
    spec: {diskFileSpecMap: {a-of-2: {}}, minNumberOfCopies: 1}
    status: {diskFileStatusMap: {${uuid}: {state: ready}, a-of-2: {state: ready}}}
  - apiVersion: longhorn.io/v1beta2
    kind: Setting
    metadata: {name: current-longhorn-version, namespace: longhorn-system}
    value: v1.8.0
`

/** A manifest of a node. */
export function nodeManifest(name: string, spec: string): string {
  return `apiVersion: longhorn.io/v1beta2\nkind: Node\nmetadata:\n  name: ${name}\nspec:\n${spec}`
}

/** An eviction of the disk beside the clean-up; its flag is on line 9. */
export const heldBack = nodeManifest(
  'node-1',
  '  disks:\n    b:\n      path: /b\n      evictionRequested: true\n',
)

/** The removal of the last usable copy, of which no entry is left; its map is on line 5. */
export const denied = `apiVersion: longhorn.io/v1beta2
kind: BackingImage
metadata: {name: ubuntu}
spec:
  diskFileSpecMap: {a-of-2: null}
`

/** A folder that stands for a repository, with files and a snapshot. */
export function repository(t: Test) {
  const root = t.testdir({ 'cluster.txt': snapshot })
  const write = async (name: string, content: string): Promise<string> => {
    const path = join(root, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    return path
  }
  const check = (args: readonly string[], input = ''): Promise<Ended> =>
    run(['check', '--snapshot', join(root, 'cluster.txt'), ...args], { GITHUB_WORKSPACE: root }, input)
  return { root, write, check }
}
