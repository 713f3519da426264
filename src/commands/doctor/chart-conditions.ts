/**
 * The matchConditions of the chart, as in its folder match-conditions, which has the reasons. A test compares
 * the two.
 */
const expressions = {
  'not-being-deleted': `
oldObject == null || !has(oldObject.metadata.deletionTimestamp)
`,
  'not-being-uninstalled': String.raw`
request.operation != 'DELETE'
|| oldObject == null || !has(oldObject.metadata.annotations) || type(oldObject.metadata.annotations) != map
|| !oldObject.metadata.annotations.exists(key, key.matches('^longhorn\\.io/delete-[a-z-]+-from-longhorn$'))
`,
  'not-being-collected': `
request.operation != 'DELETE' || !(request.userInfo.username in [
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:kube-controller-manager'
])
`,
  'node-flag-raised': `
request.resource.resource == 'nodes' && request.operation in ['CREATE', 'UPDATE']
&& has(object.spec) && type(object.spec) == map
&& !(
  oldObject != null && has(oldObject.spec) && type(oldObject.spec) == map
  && has(oldObject.spec.evictionRequested) && oldObject.spec.evictionRequested == true
)
&& (
  (
    has(object.spec.evictionRequested)
    && object.spec.evictionRequested != false && object.spec.evictionRequested != null
  )
  || (
    has(object.spec.disks) && type(object.spec.disks) == map && object.spec.disks.exists(disk,
      type(object.spec.disks[disk]) == map && has(object.spec.disks[disk].evictionRequested)
      && object.spec.disks[disk].evictionRequested != false && object.spec.disks[disk].evictionRequested != null
      && !(
        oldObject != null && has(oldObject.spec) && type(oldObject.spec) == map
        && has(oldObject.spec.disks) && type(oldObject.spec.disks) == map && disk in oldObject.spec.disks
        && type(oldObject.spec.disks[disk]) == map && has(oldObject.spec.disks[disk].evictionRequested)
        && oldObject.spec.disks[disk].evictionRequested == true
      )
    )
  )
)
`,
  'disk-joins-flagged-node': `
request.resource.resource == 'nodes' && request.operation == 'UPDATE'
&& has(object.spec) && type(object.spec) == map && has(object.spec.disks) && type(object.spec.disks) == map
&& (
  (
    has(object.spec.evictionRequested)
    && object.spec.evictionRequested != false && object.spec.evictionRequested != null
  )
  || object.spec.disks.exists(disk,
    type(object.spec.disks[disk]) == map && has(object.spec.disks[disk].evictionRequested)
    && object.spec.disks[disk].evictionRequested != false && object.spec.disks[disk].evictionRequested != null
  )
)
&& object.spec.disks.exists(disk,
  !(
    has(oldObject.spec) && type(oldObject.spec) == map
    && has(oldObject.spec.disks) && type(oldObject.spec.disks) == map && disk in oldObject.spec.disks
  )
)
`,
  'disk-removed': `
request.resource.resource == 'nodes' && request.operation == 'UPDATE'
&& has(oldObject.spec) && type(oldObject.spec) == map
&& has(oldObject.spec.disks) && type(oldObject.spec.disks) == map
&& oldObject.spec.disks.exists(disk,
  !(
    has(object.spec) && type(object.spec) == map
    && has(object.spec.disks) && type(object.spec.disks) == map && disk in object.spec.disks
  )
)
`,
  'node-deleted': `
request.resource.resource == 'nodes' && request.operation == 'DELETE'
&& has(oldObject.spec) && type(oldObject.spec) == map
&& has(oldObject.spec.disks) && type(oldObject.spec.disks) == map
&& size(oldObject.spec.disks) > 0
`,
  'copy-removed': `
request.resource.resource == 'backingimages' && request.operation == 'UPDATE'
&& has(oldObject.spec) && type(oldObject.spec) == map
&& has(oldObject.spec.diskFileSpecMap) && type(oldObject.spec.diskFileSpecMap) == map
&& oldObject.spec.diskFileSpecMap.exists(uuid,
  !(
    has(object.spec) && type(object.spec) == map
    && has(object.spec.diskFileSpecMap) && type(object.spec.diskFileSpecMap) == map
    && uuid in object.spec.diskFileSpecMap
  )
)
`,
  'first-file-placed': `
request.resource.resource == 'backingimagedatasources' && request.operation in ['CREATE', 'UPDATE']
&& has(object.spec) && type(object.spec) == map && has(object.spec.diskUUID) && object.spec.diskUUID != ''
&& !(has(object.spec.fileTransferred) && object.spec.fileTransferred == true)
&& !(
  oldObject != null && has(oldObject.spec) && type(oldObject.spec) == map
  && has(oldObject.spec.diskUUID) && oldObject.spec.diskUUID == object.spec.diskUUID
  && !(has(oldObject.spec.fileTransferred) && oldObject.spec.fileTransferred == true)
)
`,
} as const

/** A write that meets one of these goes to the guard. */
const dangers = [
  expressions['node-flag-raised'],
  expressions['disk-joins-flagged-node'],
  expressions['disk-removed'],
  expressions['node-deleted'],
  expressions['copy-removed'],
  expressions['first-file-placed'],
] as const

/**
 * The expression of each matchCondition of the chart, by its name. Each lets through everything that can
 * raise danger.
 */
export const chartConditions: ReadonlyMap<string, string> = new Map([
  ['not-being-deleted', expressions['not-being-deleted']],
  ['not-being-uninstalled', expressions['not-being-uninstalled']],
  ['not-being-collected', expressions['not-being-collected']],
  ['can-raise-danger', dangers.map((danger) => `(${danger})`).join('\n|| ')],
])

/** True if two expressions differ only in white space between words. */
export function sameExpression(one: string, other: string): boolean {
  return words(one) === words(other)
}

/** Texts in single quotes stay as they are: a space in one matters. */
function words(expression: string): string {
  return (expression.match(/'(?:[^'\\]|\\.)*'|\w+|[^\s\w]/g) ?? []).join(' ')
}
