/** Why no test can do what a text tells. */
export interface NotHere {
  readonly why: string
}

/** By whom a piece of advice is followed: the title of a test. */
export type By = string | NotHere

/** Of each source (below `src`, without `.ts`) the beginning of each piece of advice, and who follows it. */
export type Followed = Readonly<Record<string, Readonly<Record<string, By>>>>

const looksAtImage =
  'an eviction passes once the clean-up has ended, the manager of the disk runs again, and time has passed'
const upTillSettled = looksAtImage
const onRealCluster = 'a Deployment is looked at, started again, and has two replicas'
const narrowed = 'a narrowed registration is reported, and fixed by the printed commands'
const oneBook = 'Leases are kept in one namespace again'
const givenUp = 'the last copy on a dead node keeps the node until the advice is followed'
const goneNode = 'a node that Kubernetes let go of is deleted while its image is ready elsewhere'
const unready = 'a disk that is not ready is brought back, or goes once it is lost'
const crowd = { why: 'it names who may send too much; npm run test:attack sends it' }
const callers = { why: 'it says what is missing from records, and where the reason is' }
const disk = { why: 'it names a disk, or a reader, that is not the guard’s' }
const logs = { why: 'it shows a log, which takes a kubelet; the state behind it has an end of its own' }

/** Advice in findings: what clears a denial or a warning, and what doctor tells to do. */
export const findings: Followed = {
  'rules/cleanup-during-eviction': {
    'The removal is allowed once no eviction is requested':
      'a clean-up passes once no eviction is requested on the node',
    'Place the first file on another node':
      'a first file is made on another node, or once no eviction is requested',
  },
  'rules/copy-in-use': {
    'Move or delete the replica first': 'a copy in use may go once its replica is deleted',
    'Bring the disk back. If it is gone':
      'a replica on a disk that did not come back is deleted before the copy that it used',
    'If the node comes back': 'a dead node is deleted with a copy on it, which is cleaned up after that',
    'kubectl -n … get replicas.longhorn.io': 'a copy in use may go once its replica is deleted',
  },
  'rules/disk-removal-with-copies': {
    ' To give the copy up': givenUp,
    'Clean the copy up first': 'a disk with a failed copy goes once that is cleaned up',
    'Bring the disk back: it is not ready': unready,
    'for longer than … may be removed': unready,
    'Its clean-up is under way': 'a disk with a failed copy goes once that is cleaned up',
    'This release does not move copies':
      'a release that does not move copies has them cleaned up before their disk goes',
    'wait until the status of': 'a disk goes once it is empty, by an eviction or by a clean-up',
    'Bring the node back: …, and an eviction does nothing until it works again':
      'a node that has just gone down is waited for, until it is back or lost',
    'Empty the disk first': 'a disk goes once it is empty, by an eviction or by a clean-up',
    'Bring the disk back, so that': givenUp,
    ' To give the copy up all the same: disable the scheduling of the disk':
      'the last copy on a disk that is lost is given up by an override in the same write',
    ', delete the whole node': 'the last copy on a node that is gone is given up with the node',
    'disable the scheduling of the node, then':
      'the last copy on a node that is gone is given up with the node',
    ' Longhorn also asks that its scheduling': 'a disk with a failed copy goes once that is cleaned up',
    'If the disk comes back': { why: 'it tells what is left behind; the disk has gone' },
    'Look for the file': 'four cloned machines get separate UUIDs again',
  },
  'rules/eviction-during-cleanup': {
    ' … So this clean-up does not end': 'a clean-up that never ends on a lost disk ends with the disk',
    ' It is also allowed once Longhorn has found out':
      'a disk of unknown UUID stands in no way once it is known to be another, or is removed',
    'Apply the CRDs': 'a definition that drops the copies is replaced, and evictions pass again',
    'kubectl get crd': 'a definition that drops the copies is replaced, and evictions pass again',
    'The request is allowed once the first file is there':
      'an eviction passes once the first file is made, or its image is deleted',
    'kubectl -n … get backingimagedatasources.longhorn.io':
      'an eviction passes once the first file is made, or its image is deleted',
  },
  'rules/evictions-under-way': {
    'Give … a disk that can take a copy': 'an eviction that no disk can take ends once one can',
    'The eviction is allowed once enough of these clean-ups':
      'an eviction beyond the budget passes when it is its turn',
    'The eviction is allowed once fewer of these nodes':
      'an eviction beyond the budget passes when it is its turn',
    'kubectl -n … get nodes.longhorn.io': 'an eviction beyond the budget passes when it is its turn',
    'To keep the copy': 'a copy stays if its mark is taken off after the eviction was given up',
  },
  'rules/too-few-copies': {
    'Add a disk to spec.diskFileSpecMap': 'a copy may go once there are enough others, or fewer are wanted',
    'Watch that Longhorn makes another copy':
      'of a lost copy that goes it is watched that another one is made',
    'Let Longhorn make more copies first':
      'an eviction that leaves too few copies is watched until there are enough',
    'The eviction is allowed once a copy of … is ready':
      'an eviction of the only copy passes once it is ready',
    'Bring the disk back': 'the last copy on a lost disk may go once the disk is back, and was copied from',
    'Wait until another copy is ready': 'the last usable copy may go once another one is ready',
  },
  'rules/copies-left': {
    'Look them up with holdfast status':
      'images that are nowhere are listed, and deleted if they are not needed',
    'If a disk has the file under another UUID':
      'the UUID of a disk that changed at a reboot is found, and put back',
  },
  'rules/layout': {
    'rule …, disk UUID': { why: 'it is a name' },
  },
  'rules/lost': {
    'Bring the node back': goneNode,
    'as long as': { why: 'it is a condition' },
    'that is allowed as long as': { why: 'it is a condition' },
    ', that its scheduling is disabled': goneNode,
    'Longhorn also asks that Kubernetes has no node': goneNode,
    'Bring node … back, or delete it': 'a clean-up that never ends on a lost node ends with the node',
    'Disable the scheduling of disk': 'a clean-up that never ends on a lost disk ends with the disk',
    'once it has been down for longer': { why: 'it is a condition' },
    'Kubernetes has no node': { why: 'it says why' },
    'the longhorn-manager of node': { why: 'it says why' },
    'Only the longhorn-manager of the node': { why: 'it says why' },
  },
  'rules/policy': {
    'kubectl -n … annotate': givenUp,
  },
  'rules/sentences': {
    ' The backing image manager of the disk': upTillSettled,
    'kubectl -n … get backingimages.longhorn.io': looksAtImage,
    'kubectl -n … get nodes.longhorn.io': 'a clean-up passes once no eviction is requested on the node',
    'The request is allowed in about': upTillSettled,
    'The eviction is allowed as soon as the clean-up ends': upTillSettled,
  },
  'gate/answer': {
    'kubectl retries for you': { why: 'kubectl does it' },
    'Try again later': { why: 'it is another click' },
    '…Writes that clear flags':
      'while the disk map is not synced, arming changes get 503 and all others pass',
    "the guard's /readyz": logs,
  },
  'gate/conflict-finding': {
    'The request is allowed as soon as that change':
      'a change that another stands in the way of passes once that is committed',
  },
  'commands/evict/next-step': {
    'Let the other one end first':
      'an eviction beside another one begins once that is given up, or of the whole node',
    'Longhorn has not synced disk':
      'an eviction of a node that Longhorn has not looked at begins once it has',
    'there is no …': 'an obstacle is reported, with an exit code',
    'no eviction is requested on the node': { why: 'it says why' },
    'node … has an eviction requested': { why: 'it says why' },
    'disk … of node …': { why: 'it is a name' },
    'the eviction of node … does nothing': { why: 'it says why, and the advice is that of a rule' },
  },
  'commands/doctor/clock': {
    'Grant the rights of the chart': 'a guard without its Lease makes it when it is started again',
    'Check that namespace: holdfast doctor --namespace': oneBook,
    'Stop that guard or proxy': oneBook,
    'Look: timedatectl status': { why: 'a test does not set the clock of its machine' },
    'Correct the clock of its node':
      'the clock of a node is put right where a Lease was written in the future',
    'To see what prevents that': 'a reservation past its deadline goes once the guard runs again',
    'kubectl -n … get leases': 'an unreadable Lease is deleted, and evictions pass again',
  },
  'commands/doctor/callers': {
    'Its log names each rejected certificate':
      'the API server shows its certificate, and its reviews are judged',
    'On the machine with client-ca.key':
      'a client certificate that is replaced is shown without a restart of the API server',
    'kubectl -n … rollout restart': onRealCluster,
    'Find the disk that has the files': 'four cloned machines get separate UUIDs again',
    'If the disk is gone for good': 'of a node that came back with new disks the old copy is cleaned up',
  },
  'commands/doctor/certificate': {
    'Name the Secret': 'a certificate of another issuer is named, and replaced by that issuer',
    'To see why cert-manager does not renew it': { why: 'it takes cert-manager and cmctl' },
    'To see why it is not renewed': 'a certificate that expired is taken out, and the guard makes another',
    'Its issuer has to make another': 'a certificate of another issuer is named, and replaced by that issuer',
    'A guard that makes its own certificate': 'a guard that is started again publishes its authority',
    'To see what prevents that': logs,
  },
  'commands/doctor/replicas': {
    'holdfast.dev/component': { why: 'it is a label' },
    'If it runs elsewhere': 'a guard that is not there is installed',
    'Look: kubectl -n … get pods': onRealCluster,
    'helm upgrade holdfast charts/holdfast': onRealCluster,
    'kubectl -n … rollout status': { why: 'it ends with a rollout, which takes a controller of Deployments' },
    '…; kubectl -n … logs': logs,
  },
  'commands/doctor/crds': {
    'Apply the CRDs': 'definitions are applied that are old, not served or not there',
    'Is Longhorn installed in this cluster?': 'definitions are applied that are old, not served or not there',
  },
  'commands/doctor/policies': {
    'Look: kubectl -n … get configmap': onRealCluster,
    'kubectl -n … rollout restart': onRealCluster,
  },
  'commands/doctor/registration': {
    'Find out who added it': narrowed,
    'Find out who changed it': narrowed,
    'kubectl patch validatingwebhookconfigurations': narrowed,
    'Fix it': narrowed,
    'Install it again': 'a registration that is gone is put back',
    'helm upgrade --install': 'a registration that is gone is put back',
    'helm upgrade holdfast charts/holdfast': 'a registration that fails open, or too soon, is set right',
    'Check that guard: holdfast doctor --namespace':
      'a guard of another namespace, and its Secret, are named',
    'kubectl get validatingwebhookconfigurations': narrowed,
  },
  'commands/doctor/release': {
    'Look: kubectl -n … get settings.longhorn.io':
      'a person looks up a release that Longhorn does not name, and configures it in the guard',
    'Move Longhorn to': 'Longhorn is moved to the release that does not crash, once doctor has been asked',
    'Clear the flags': 'a node in danger is watched until the clean-up has ended, or its flags are cleared',
    'Move to …': 'Longhorn is moved to the release that does not crash, once doctor has been asked',
    '; ask: holdfast doctor --target':
      'Longhorn is moved to the release that does not crash, once doctor has been asked',
    'Look for a newer version': 'a missing field is a row of a table, and exit code 1',
    'a release that says which it is': { why: 'no release is known to move to' },
  },
  'commands/doctor/rights': {
    'Grant the rights of the chart': 'rights that are missing are given',
    'Ask as a user who may create': 'rights that are missing are given',
    'kubectl auth can-i': 'rights that are missing are given',
  },
  'commands/doctor/dry-run': {
    'Look at the findings of registration':
      'a registration with another name is named, and what somebody added is taken out',
    'Look: kubectl -n … get pods': logs,
  },
}

/** The advice of alerts, by the name of each. */
export const alerts: Readonly<Record<string, By>> = {
  HoldfastDoesNotAnswer:
    'replicas that are killed in mid-hold let nothing pass, and those that follow hold on',
  HoldfastBypassed: 'the flags of a node in danger are taken down, and its alert ends',
  HoldfastConditionFails: { why: 'it names a form of Longhorn’s objects that this chart does not know' },
  HoldfastNodeInDanger: 'the flags of a node in danger are taken down, and its alert ends',
  HoldfastFlagsStayDown: 'noted flags are raised or forgotten, and their alert ends',
  HoldfastDiskMapStale: 'the guard goes on after the API server has crashed and is back',
  HoldfastClocksDisagree: 'the clock of a node is put right where a Lease was written in the future',
  HoldfastCannotReadObjects: 'is no longer listed once it can be read, or is gone',
  HoldfastCannotJudge: 'an unreadable Lease is deleted, and evictions pass again',
  HoldfastBookElsewhere: 'the Lease that names another namespace is deleted, and its alert ends',
  HoldfastOtherBook: oneBook,
  HoldfastBookNotCompared: 'rights that are missing are given',
  HoldfastCertificateExpires: 'a certificate that expired is taken out, and the guard makes another',
  HoldfastClientCertificateExpires:
    'a client certificate that is replaced is shown without a restart of the API server',
  HoldfastTurnsCallersAway: 'the API server shows its certificate, and its reviews are judged',
  HoldfastCleanupDoesNotEnd: 'the manager of a disk comes back, and the alert of its clean-up ends',
  HoldfastCleanupCannotEnd: 'the manager of a disk comes back, and the alert of its clean-up ends',
  HoldfastRequestWaits: 'a request that waits is given up, and its alert ends',
  HoldfastImageNowhere: 'images that are nowhere are listed, and deleted if they are not needed',
  HoldfastCannotTellCallers: callers,
  HoldfastCutsBodies: crowd,
  HoldfastLosesEvents: callers,
  HoldfastLosesLogLines: disk,
  HoldfastLosesRecords: disk,
  HoldfastRefusesBodies: crowd,
  HoldfastRefusesConnections: crowd,
  HoldfastHasNoReplica: 'every command in an alert can be run',
  HoldfastLacksReplicas: 'every command in an alert can be run',
  HoldfastProxyHasNoReplica: 'every command in an alert can be run',
  HoldfastProxyCannotPassOn: 'every command in an alert can be run',
  HoldfastRefusesWithoutEnd: 'every command in an alert can be run',
}
