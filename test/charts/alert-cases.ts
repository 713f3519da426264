import type { Series } from './promtool.ts'

/** When an alert fires, and when it does not. Values are a minute apart. */
interface AlertCase {
  /** Series with which it fires in the end. */
  readonly fires: readonly Series[]
  /** What it then names, besides its severity. */
  readonly labels?: Readonly<Record<string, string>>
  /** How its text shows the value. */
  readonly value?: string
  /** Series that are just fine. */
  readonly quiet: readonly Series[]
}

/** The values of a series for three hours. */
const always = (value: number): string => `${value}x180`
const growing = '0+1x180'
/** It grew two hours ago, and not since. */
const grewOnce = '0x30 1x150'
/** It was there for an hour and a half, and is not any longer. */
const gone = (value: number): string => `${value}x90 stale`

const target = 'namespace="holdfast",service="holdfast",pod="holdfast-a"'
const other = 'namespace="holdfast",service="holdfast",pod="holdfast-b"'
const rejected = 'apiserver_admission_webhook_rejection_count{name="guard.holdfast.dev",error_type'
const onDisk = 'node="node-1",disk="disk-1",disk_uuid="uuid-1"'
const cleanup = `holdfast_pending_cleanup_age_seconds{${target},${onDisk},image="ubuntu"`
const available = 'kube_deployment_status_replicas_available{namespace="holdfast",deployment'
const denied =
  'node="node-1",user="ann",change="evicting disk-2 of node-1",rule="copy-in-use",cause="disk-2 of node-1"'
const held =
  'node="node-1",user="ann",change="evicting disk-2 of node-1",cause="backing image ubuntu on disk-1 of node-1"'
const day = 86_400

/** An alert that fires while a counter grows, and ends afterwards. */
function counted(metric: string, labels: Readonly<Record<string, string>>, more = ''): AlertCase {
  const own = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  const series = `${metric}{${[...new Set([...own, ...target.split(',')])].join(',')}${more}}`
  return { fires: [[series, growing]], labels, quiet: [[series, grewOnce]] }
}

/** What makes each alert fire. */
export const cases: Readonly<Record<string, AlertCase>> = {
  HoldfastDoesNotAnswer: {
    fires: [[`${rejected}="calling_webhook_error"}`, growing]],
    quiet: [
      [`${rejected}="calling_webhook_error"}`, grewOnce],
      [`${rejected}="no_error"}`, growing],
    ],
  },
  HoldfastBypassed: {
    fires: [['apiserver_admission_webhook_fail_open_count{name="guard.holdfast.dev"}', growing]],
    quiet: [['apiserver_admission_webhook_fail_open_count{name="another"}', growing]],
  },
  HoldfastConditionFails: {
    fires: [
      ['apiserver_admission_match_condition_evaluation_errors_total{name="guard.holdfast.dev"}', growing],
    ],
    quiet: [['apiserver_admission_match_condition_evaluation_errors_total{name="another"}', growing]],
  },
  HoldfastNodeInDanger: {
    fires: [
      [`holdfast_danger{${target},node="node-1",disk="disk-1",image="ubuntu"}`, always(1)],
      [`holdfast_danger{${other},node="node-1",disk="disk-1",image="ubuntu"}`, always(1)],
    ],
    labels: { node: 'node-1', disk: 'disk-1', image: 'ubuntu' },
    quiet: [[`holdfast_danger{${target},node="node-1",disk="disk-1",image="ubuntu"}`, gone(1)]],
  },
  HoldfastFlagsStayDown: {
    fires: [
      [`holdfast_noted_flags{${target},node="node-1",raised_by="guard"}`, '1x60 stale'],
      [`holdfast_noted_flags{${target},node="node-1",raised_by="person"}`, '_x60 1x120'],
      [`holdfast_noted_flags{${other},node="node-1",raised_by="person"}`, '_x60 1x120'],
    ],
    labels: { node: 'node-1' },
    quiet: [
      [`holdfast_noted_flags{${target},node="node-1",raised_by="guard"}`, gone(1)],
      [`holdfast_noted_flags{${target},node="node-2",raised_by="person"}`, '_x160 1x20'],
    ],
  },
  HoldfastDiskMapStale: {
    fires: [[`holdfast_disk_map_age_seconds{${target}}`, always(121)]],
    labels: { service: 'holdfast', pod: 'holdfast-a' },
    quiet: [[`holdfast_disk_map_age_seconds{${target}}`, always(119)]],
  },
  HoldfastClocksDisagree: {
    fires: [[`holdfast_clock_skew_seconds{${target}}`, always(-11)]],
    quiet: [[`holdfast_clock_skew_seconds{${target}}`, always(9)]],
  },
  HoldfastCannotReadObjects: {
    fires: [[`holdfast_unreadable_object{${target},kind="Node",name="node-1"}`, always(1)]],
    labels: { kind: 'Node', name: 'node-1' },
    quiet: [[`holdfast_unreadable_object{${target},kind="Node",name="node-1"}`, gone(1)]],
  },
  HoldfastCannotJudge: counted('holdfast_unavailable_total', { why: 'disk-map-too-old' }),
  HoldfastBookElsewhere: {
    fires: [[`holdfast_book_anchor{${target},state="elsewhere"}`, always(1)]],
    labels: { service: 'holdfast', state: 'elsewhere' },
    quiet: [
      [`holdfast_book_anchor{${target},state="elsewhere"}`, always(0)],
      [`holdfast_book_anchor{${target},state="here"}`, always(1)],
    ],
  },
  HoldfastOtherBook: {
    fires: [[`holdfast_other_books{${target}}`, always(1)]],
    quiet: [[`holdfast_other_books{${target}}`, always(0)]],
  },
  HoldfastBookNotCompared: {
    fires: [[`holdfast_book_anchor{${target},state="forbidden"}`, always(1)]],
    labels: { service: 'holdfast' },
    quiet: [[`holdfast_book_anchor{${target},state="forbidden"}`, always(0)]],
  },
  HoldfastCertificateExpires: {
    fires: [[`holdfast_certificate_expiry_timestamp_seconds{${target}}`, always(20 * day)]],
    labels: { service: 'holdfast' },
    quiet: [[`holdfast_certificate_expiry_timestamp_seconds{${target}}`, always(30 * day)]],
  },
  HoldfastClientCertificateExpires: {
    fires: [[`holdfast_client_certificate_expiry_timestamp_seconds{${target}}`, always(29 * day)]],
    quiet: [
      [`holdfast_client_certificate_expiry_timestamp_seconds{${target}}`, 'NaN '.repeat(181)],
      [`holdfast_client_certificate_expiry_timestamp_seconds{${other}}`, always(40 * day)],
    ],
  },
  HoldfastTurnsCallersAway: counted('holdfast_refused_callers_total', { reason: 'no certificate' }),
  HoldfastRefusesConnections: counted(
    'holdfast_connections_closed_total',
    {
      service: 'holdfast',
      port: 'reviews',
    },
    ',why="busy"',
  ),
  HoldfastCutsBodies: counted('holdfast_bodies_cut_total', {
    service: 'holdfast',
    port: 'reviews',
    why: 'late',
  }),
  HoldfastRefusesBodies: counted('holdfast_bodies_refused_total', {
    service: 'holdfast',
    port: 'reviews',
    why: 'too large',
  }),
  HoldfastLosesRecords: counted('holdfast_audit_dropped_total', { service: 'holdfast', reason: 'failed' }),
  HoldfastLosesLogLines: counted('holdfast_log_dropped_total', { service: 'holdfast', reason: 'stalled' }),
  HoldfastLosesEvents: counted('holdfast_events_dropped_total', { service: 'holdfast', reason: 'too-many' }),
  HoldfastCleanupDoesNotEnd: {
    fires: [[`${cleanup},manager="running"}`, '0+60x180']],
    labels: { node: 'node-1', disk: 'disk-1', disk_uuid: 'uuid-1', image: 'ubuntu' },
    value: '3h 0m 0s',
    quiet: [
      [`${cleanup},manager="running"}`, always(3_599)],
      [
        `holdfast_pending_cleanup_age_seconds{${target},${onDisk},image="debian",manager="running"}`,
        gone(9_999),
      ],
    ],
  },
  HoldfastCleanupCannotEnd: {
    fires: [[`${cleanup},manager="unknown"}`, '0+60x180']],
    labels: { node: 'node-1', disk: 'disk-1', disk_uuid: 'uuid-1' },
    value: '3h 0m 0s',
    quiet: [[`${cleanup},manager="running"}`, '0+60x180']],
  },
  HoldfastRequestWaits: {
    fires: [
      [`holdfast_hold_waited_seconds{${target},${held},rule="eviction-during-cleanup"}`, '0+60x178 stale'],
    ],
    labels: {
      node: 'node-1',
      user: 'ann',
      change: 'evicting disk-2 of node-1',
      cause: 'backing image ubuntu on disk-1 of node-1',
    },
    value: '2h 58m 0s',
    quiet: [
      [`holdfast_hold_waited_seconds{${target},${held},rule="eviction-during-cleanup"}`, always(1_799)],
    ],
  },
  HoldfastImageNowhere: {
    fires: [[`holdfast_image_nowhere{${target},image="ubuntu"}`, always(1)]],
    labels: { image: 'ubuntu' },
    quiet: [[`holdfast_image_nowhere{${target},image="ubuntu"}`, gone(1)]],
  },
  HoldfastHasNoReplica: {
    fires: [[`${available}="holdfast"}`, always(0)]],
    labels: { namespace: 'holdfast', deployment: 'holdfast' },
    quiet: [[`${available}="holdfast"}`, always(1)]],
  },
  HoldfastLacksReplicas: {
    fires: [
      [`${available}="holdfast"}`, always(1)],
      ['kube_deployment_spec_replicas{namespace="holdfast",deployment="holdfast"}', always(2)],
    ],
    labels: { namespace: 'holdfast', deployment: 'holdfast' },
    quiet: [
      [`${available}="holdfast"}`, always(2)],
      ['kube_deployment_spec_replicas{namespace="holdfast",deployment="holdfast"}', always(2)],
    ],
  },
  HoldfastProxyHasNoReplica: {
    fires: [[`${available}="holdfast-longhorn"}`, always(0)]],
    labels: { namespace: 'holdfast', deployment: 'holdfast-longhorn' },
    quiet: [[`${available}="holdfast-longhorn"}`, always(1)]],
  },
  HoldfastProxyCannotPassOn: {
    fires: [
      [
        'holdfast_proxy_failures_total{namespace="holdfast",service="holdfast-longhorn",status="502"}',
        growing,
      ],
    ],
    labels: { service: 'holdfast-longhorn', status: '502' },
    quiet: [
      [
        'holdfast_proxy_failures_total{namespace="holdfast",service="holdfast-longhorn",status="502"}',
        grewOnce,
      ],
    ],
  },
  HoldfastCannotTellCallers: counted(
    'holdfast_proxy_unknown_callers_total',
    { service: 'holdfast' },
    ',why="untold"',
  ),
  HoldfastRefusesWithoutEnd: {
    fires: [
      [`holdfast_denials_last_hour{${target},${denied}}`, always(200)],
      [`holdfast_denials_last_hour{${other},${denied}}`, always(200)],
    ],
    labels: {
      node: 'node-1',
      user: 'ann',
      change: 'evicting disk-2 of node-1',
      rule: 'copy-in-use',
      cause: 'disk-2 of node-1',
    },
    value: '400',
    quiet: [[`holdfast_denials_last_hour{${target},${denied}}`, always(360)]],
  },
}
