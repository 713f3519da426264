import t from 'tap'
import { isAmbiguous } from '../../../src/doors/proxy/kubernetes/bind.ts'
import { writeOf } from '../../../src/doors/proxy/kubernetes/write.ts'
import { callOf } from '../../../src/doors/proxy/longhorn/call.ts'

/** The observed results of a Go router (gorilla/mux 1.8.1, as in Longhorn). */
const longhorn: readonly (readonly [request: string, call: string | undefined])[] = [
  ['PUT /v1/nodes/n1', 'node-update'],
  ['PUT /v1/nodes/n1?action=diskUpdate', 'node-update'],
  ['PUT /v1%2Fnodes%2fn1', 'node-update'],
  ['PUT /v1/%6eodes/n1', 'node-update'],
  ['PUT http://h/v1/nodes/n1', 'node-update'],
  ['PUT ftp://h/v1/nodes/n1', 'node-update'],
  ['PUT x:/v1/nodes/n1', 'node-update'],
  ['PUT /v1//nodes/n1', 'node-update'],
  ['PUT /v1/x/../nodes/./n1/', 'node-update'],
  ['PUT /v1/nodes/n1%ff', 'node-update'],
  ['DELETE /v1/nodes/n1', 'node-delete'],
  ['POST /v1/nodes/n1?action=diskUpdate', 'disk-update'],
  ['POST /v1/nodes/n1?x;action=diskUpdate', 'disk-update'],
  ['POST /v1/nodes/n1?action=%zz&action=diskUpdate', 'disk-update'],
  ['POST /v1/nodes/n1?act%69on=disk%55pdate', 'disk-update'],
  ['POST /v1/backingimages/i?action=backingImageCleanup', 'image-cleanup'],
  ['DELETE /v1/backingimages/i?action=backingImageCleanup', 'image-delete'],
  ['DELETE /v1/backingimages/i', 'image-delete'],
  ['PUT /v1/backingimages/i?action=backingImageCleanup', undefined],
  ['POST /v1/nodes/n1?Action=diskUpdate', undefined],
  ['POST /v1/nodes/n1?action=diskUpdate?', undefined],
  ['POST /v1/nodes/n1', undefined],
  ['POST /v1/backingimages/i?action=updateMinNumberOfCopies', undefined],
  ['POST /v1/backingimages', undefined],
  ['PUT /V1/nodes/n1', undefined],
  ['PUT /v1/nodes/a/b', undefined],
  ['GET /v1/nodes/n1', undefined],
  ['PUT /v1/settings/n1', undefined],
]

for (const [request, call] of longhorn) {
  t.test(`Longhorn’s REST API: ${request} ${call ? `is a ${call}` : 'just passes'}`, (t) => {
    const [method = '', target = ''] = request.split(' ')
    t.equal(callOf(method, target)?.call, call)
    t.end()
  })
}

const of = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'

const kubernetes: readonly (readonly [request: string, write: object | undefined])[] = [
  [`PATCH ${of}/nodes/n1`, { kind: 'Node', name: 'n1', namespace: 'longhorn-system' }],
  [`PATCH ${of.replace('v1beta2', 'v1beta1')}/nodes/n1?x=y`, { kind: 'Node', name: 'n1' }],
  [`PUT ${of.replaceAll('/', '%2F')}%2Fbackingimages%2Fi`, { kind: 'BackingImage', name: 'i' }],
  [`DELETE x://h${of}/backingimages`, { kind: 'BackingImage', name: undefined }],
  [`POST ${of}/backingimagedatasources`, { kind: 'BackingImageDataSource', name: undefined }],
  [`PUT ${of}/nodes/n1/status`, undefined],
  [`GET ${of}/nodes/n1`, undefined],
  [`PATCH ${of}/replicas/n1`, undefined],
  ['PATCH /api/v1/nodes/n1', undefined],
  ['PATCH /apis/other.io/v1/namespaces/longhorn-system/nodes/n1', undefined],
]

for (const [request, write] of kubernetes) {
  t.test(`the Kubernetes API: ${request} ${write ? 'is judged' : 'just passes'}`, (t) => {
    const [method = '', target = ''] = request.split(' ')
    if (write) t.match(writeOf(method, target), write)
    else t.equal(writeOf(method, target), undefined)
    t.end()
  })
}

const ambiguous: readonly (readonly [request: string, isAmbiguous: boolean])[] = [
  [`PUT /${of}//backingimages/i/`, true],
  [`PUT ${of}/backingimages/i/`, true],
  [`GET ${of}/backingimages/i/`, false],
  [`GET ${of}/backingimages/i//`, true],
  [`PUT x:${of.slice(1)}/backingimages/i`, true],
  [`PUT x:${of}/backingimages/i`, false],
  [`PUT ${of}/backingimages/%2e%2E`, true],
  [`PUT ${of}/backingimages/...`, false],
  [`PUT ${of}/backingimages/i?x=//..`, false],
  ['PUT /apis/longhorn.io/../other.io/x', true],
  ['PUT /apis/other.io/../longhorn.io/x', true],
  ['PUT /apis/other.io//x', false],
  ['PUT /v1//nodes/n1', false],
]

for (const [request, expected] of ambiguous) {
  t.test(`${request} ${expected ? 'can be read in several ways' : 'is read in one way'}`, (t) => {
    const [method = '', target = ''] = request.split(' ')
    t.equal(isAmbiguous(method, target), expected)
    t.end()
  })
}
