import { certificateErrors } from './followed-certificate-errors.ts'
import type { Followed } from './followed.ts'

const asked = { why: 'it says to ask the same again; the tests of that answer do' }
const reports = { why: 'it tells what is so; nothing is to be done' }
const plugin = { why: 'it says to run a program of the user’s own' }
const toCheck = 'check gets a change, and a state to judge it against'
const unguarded = 'an eviction without a guard goes on with --unguarded'
const goesOn = 'an eviction that timed out goes on with the printed command'
const nodesOfEviction = 'an eviction gets its nodes by name or from a plan, and a disk with one node'
const reopeningGoesOn = 'a reopening that was interrupted goes on with the printed command'
const listening = 'a proxy accepts the address that the error names'
const together = 'settings of client certificates that do not go together are put right'
const forApiServers = 'the API server shows its certificate, and its reviews are judged'
const madeFirst =
  'serve without its namespace or its Secret names the commands that make them, and then starts'
const emptyVariable = 'an empty variable is refused by every command that takes it, and named'
const sameNamespace = 'a door with another namespace starts with that of the others'

const kubeconfigOfCluster = { why: 'it names a field of a kubeconfig; which value is right, its owner knows' }

/** Advice in errors of commands and doors. */
export const errors: Followed = {
  'commands/audit/sources': {
    '…; name its namespace': 'status of a missing namespace says where the guard is',
    '… is not the operator port': 'one replica is followed',
    '… and --address are two sources': 'audit reads one of two sources that it was given',
  },
  'commands/certs': {
    '1. Copy … to …': forApiServers,
    '\nThe client certificate is valid until':
      'certs makes the files of an API server, says where each goes, and renews them',
    '--dns and --ip are for a serving': together,
  },
  'commands/check/command': {
    'nothing to check': toCheck,
    'holdfast: A node is down': 'the assumed lostAfter is reported if it matters',
    'There is no Longhorn node': toCheck,
    'There is no backing image': 'nodes alone are no cluster to judge against, where kubectl wrote them',
    'standard input (-) can be read once': toCheck,
  },
  'commands/check/documents': {
    'it is a Snapshot of …': { why: 'there is no other version yet' },
  },
  'commands/check/unknown': {
    'not known: …':
      'a clean-up is not admitted for sure where no replica is known, and no empty list of them',
  },
  'commands/check/patch': {
    '--patch needs an object': toCheck,
  },
  'commands/evict/insist-on-hold': {
    'the guard would not hold back': unguarded,
  },
  'commands/evict/command': {
    '--disk is about one node': nodesOfEviction,
    '--plan names the nodes': nodesOfEviction,
    'Name a Longhorn node': nodesOfEviction,
  },
  'commands/evict/evict': {
    'Interrupted. Go on with': goesOn,
    'The time is up': goesOn,
    '…\nGo on with': goesOn,
  },
  'commands/evict/plan-file': {
    'in … the nodes of a batch are in service again':
      'a plan with --reopen is carried out batch by batch, with the printed commands',
    '… is no plan': nodesOfEviction,
  },
  'commands/evict/reopen': {
    'disk … of node … stays closed': 'the command says what stays closed, and opens a disk by its name',
    'Longhorn places nothing on node':
      'a node that is cordoned stays closed for Longhorn until it is uncordoned',
  },
  'commands/evict/reopen-command': {
    '--disk is about one node': nodesOfEviction,
    'Interrupted. Go on with': reopeningGoesOn,
    '…\nGo on with': reopeningGoesOn,
  },
  'commands/rescue/attempt': {
    'take the webhooks away': 'flags go down as soon as a manager answers Longhorn’s webhook again',
  },
  'commands/rescue/command': {
    'Go on with': 'a rescue prints its steps for people and for programs, and ends with a code',
  },
  'commands/rescue/explain': {
    'make the note of the guard its own':
      'a person who wants the flags to stay down gets that, with a guard that would raise them',
    ', and nothing that stops it': reports,
    'leave the flags down': reports,
    'take the flags down': reports,
  },
  'commands/rescue/guard': {
    '…: the guard would not hold back': { why: 'holdfast doctor tells why; its tests do' },
  },
  'commands/ui/command': {
    'Holdfast is at …': reports,
  },
  'commands/schema/schemas': {
    'Set if the object': reports,
    'Holdfast closes the disks': reports,
    'Holdfast clears the flag': reports,
    'Holdfast takes the note of a rescue away': reports,
  },
  'commands/schema/rescue-step': {
    'Holdfast takes these flags down': reports,
    'Holdfast raises these flags again': reports,
    'Holdfast takes the note away': reports,
    'Holdfast makes the note': reports,
  },
  'server/rescue/start': {
    'the right to patch nodes.longhorn.io is missing':
      'the guard may patch nodes only if it is to rescue them, and then no more than flags',
  },
  'server/rescue/node-writes': {
    'no guard judges the write': { why: 'holdfast doctor tells why; its tests do' },
  },
  'commands/compare-crds/differences': { 'kubectl knows it no longer': reports },
  'commands/doctor/prove-guard': {
    'To go on anyway': unguarded,
    'no guard is registered': unguarded,
    'the guard does not deny what it must deny':
      'a registration with another name is named, and what somebody added is taken out',
  },
  'commands/guard/guard-place': {
    'ask for the right to get Lease':
      'a person who may not read the guard’s place learns which right is missing',
    'try again once the API server': asked,
  },
  'commands/proxy/point-ui': {
    'Longhorn’s UI was not changed': 'the UI is pointed at a proxy only once Longhorn answers there',
  },
  'commands/proxy/command': {
    '--caller-token without --tls': listening,
    '--listen …': listening,
  },
  'commands/sandbox/command': {
    'cannot start the embedded cluster': 'a port that is taken is exchanged for another',
    'kubectl get nodes.longhorn.io': 'every command of README and docs works, one after the other',
    'kubectl patch': 'every command of README and docs works, one after the other',
    'kubectl waits': reports,
  },
  'commands/serve/command': {
    'holdfast audit and status do not find': reports,
    'cannot read … (--tls-cert)':
      'serve without a certificate names the command that makes one, and then starts',
  },
  'commands/output/output-format': {
    '-o name is for objects': 'a format that does not fit is exchanged for another',
  },
  'commands/serve/serving': {
    'the latest audit records': reports,
  },
  'commands/options/empty-values': {
    '…: the value is empty': 'an empty value is an error, for every option',
  },
  'commands/options/setting-options': {
    '… is for holdfast serve': together,
    'clientNames (--client-name)': together,
  },
  'commands/status/command': {
    '…, so no reservations are shown': 'status of a missing namespace says where the guard is',
    'name nodes, or select them': 'nodes are named, or selected by labels',
  },
  'server/guard-namespace': {
    'ask for the right': 'rights that are missing are given',
    'start again once the API server': 'the guard goes on after the API server has crashed and is back',
    'There is no namespace …': madeFirst,
  },
  'kubernetes/leases/book-anchor': {
    '…, stop every guard and proxy': sameNamespace,
  },
  'kubernetes/certificate-secret': {
    'There is no Secret …': madeFirst,
  },
  'kubernetes/client/find-config': {
    'Name a kubeconfig file': 'a cluster is named where none is found, and a context where none is chosen',
  },
  'kubernetes/client/exchange': {
    'Its certificate is not trusted': {
      why: 'it names fields of a kubeconfig; its tests have each right and wrong',
    },
    'Check the address': { why: 'it names what may be wrong between here and the server' },
  },
  'kubernetes/client/failures': {
    'A login page or a proxy answers there': kubeconfigOfCluster,
  },
  'kubernetes/client/exec-plugin': {
    'Its output may be secret': plugin,
    'the exec plugin …': plugin,
  },
  'kubernetes/feed-problem': {
    'the disk map. Until it can be read': 'is no longer listed once it can be read, or is gone',
    'Holdfast cannot update': 'can also be one at which the sink throws',
    'Check with: kubectl get crd': 'definitions are applied that are old, not served or not there',
    'Holdfast needs to get, list and watch': 'rights that are missing are given',
    'account to a Role that allows it': 'rights that are missing are given',
  },
  'kubernetes/client/fields': {
    '… is not a text': { why: 'it names a field' },
    '…[…] is not a text': { why: 'it names a field' },
  },
  'kubernetes/leases/followed-anchor': {
    'There is no Lease …': 'a guard without its Lease makes it when it is started again',
    'The Leases of the guard of this cluster': sameNamespace,
  },
  'kubernetes/leases/lease-format': {
    'Lease … is not what Holdfast wrote': 'an unreadable Lease is deleted, and evictions pass again',
  },
  'kubernetes/reports/report-apis': {
    'The API server does not serve': 'a missing kind is a problem at the start, and is looked for again',
  },
  'kubernetes/client/usable': {
    'has both a token and a password': kubeconfigOfCluster,
    'has both … and …-data': kubeconfigOfCluster,
    'has both exec and auth-provider': kubeconfigOfCluster,
  },
  'commands/options/variable-option': {
    'the variable is empty': emptyVariable,
    'the variables are empty': emptyVariable,
  },
  'server/shared-book': {
    'Holdfast cannot look for Leases': reports,
  },
  'doors/proxy/kubernetes/doubt': {
    'the objects that it would delete have more': {
      why: 'kubectl delete --all deletes one object after the other',
    },
  },
  'doors/webhook/admission-review': {
    'Reviews of … are not understood': { why: 'API servers of today send v1 alone' },
  },
  'doors/webhook/callers': {
    'This guard accepts reviews from API servers': forApiServers,
  },
  'tls/stored': {
    'The serving certificate and its key':
      'serve without a certificate names the command that makes one, and then starts',
  },
  'doors/webhook/requests': {
    'Holdfast failed to answer': reports,
  },
  'doors/webhook/http-errors': {
    'Send an AdmissionReview': 'a review is sent as the webhook says',
    '…, most of them from this address': asked,
  },
  'doors/http/listen': {
    'Cannot listen on': 'a port that is taken is exchanged for another',
  },
  'doors/webhook/unjudged': {
    'Holdfast does not judge …': reports,
    '…. The sender of this review': { why: 'no API server sends it' },
    'Holdfast cannot read this': reports,
    '…. It is denied because': 'a review is sent as the webhook says',
    '…. So it cannot tell': 'a namespace that Longhorn does not run in is left out of the registration',
    'Holdfast failed to judge': reports,
    'Too many large reviews wait': asked,
  },
  'doors/proxy/judged-request': {
    'Too many large requests': asked,
  },
  'doors/proxy/proxy-server': {
    'Holdfast failed to forward this request': reports,
    'Write # as %23': 'a request that a proxy turns away passes in the form that the proxy advises',
    'This proxy acts with the rights':
      'a request that a proxy turns away passes in the form that the proxy advises',
  },
  'doors/proxy/relay-failure': {
    '… broke off its answer': asked,
    'There was no connection to …': asked,
    '… did not answer within': asked,
    'The write was not forwarded': asked,
  },
  'doors/proxy/unjudged': {
    'Holdfast failed to judge this': reports,
  },
  'doors/proxy/kubernetes/bind': {
    'The path of this request': 'a request that a proxy turns away passes in the form that the proxy advises',
  },
  'doors/proxy/kubernetes/detours': {
    'The API server does not say which user': asked,
    'Holdfast does not judge Longhorn':
      'a request that a proxy turns away passes in the form that the proxy advises',
  },
  'doors/proxy/kubernetes/door': {
    'it changes faster': asked,
    'Holdfast cannot tell whether': reports,
  },
  'doors/proxy/kubernetes/resulting-change': {
    '… does not show the copies': { why: 'the embedded cluster serves v1beta2 alone' },
  },
  'doors/proxy/longhorn/door': {
    '… … changes faster': asked,
  },
  'tls/api-server-folder': {
    'Holdfast client CA': { why: 'it is a name' },
    '… (--webhook) is not the address': together,
  },
  ...certificateErrors,
}
