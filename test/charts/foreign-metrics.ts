import type { Series } from './promtool.ts'

const ours = 'name="guard.holdfast.dev"'
const ten = '0+1x10'
const call = `${ours},type="validating",operation="UPDATE"`
const pod = 'namespace="holdfast",pod="holdfast-a",container="holdfast"'

/**
 * What others serve and the dashboard asks for: the API server (staging/src/k8s.io/apiserver/pkg/admission/metrics),
 * kube-state-metrics, the kubelet, and Prometheus itself.
 */
export const foreign: readonly Series[] = [
  ['kube_deployment_spec_replicas{namespace="holdfast",deployment="holdfast"}', '2x10'],
  ['kube_deployment_status_replicas_available{namespace="holdfast",deployment="holdfast"}', '2x10'],
  [`container_memory_working_set_bytes{${pod}}`, '1x10'],
  [`container_cpu_usage_seconds_total{${pod}}`, ten],
  [`apiserver_admission_webhook_fail_open_count{${ours},type="validating"}`, ten],
  [`apiserver_admission_webhook_rejection_count{${call},error_type="no_error",rejection_code="429"}`, ten],
  [
    `apiserver_admission_webhook_rejection_count{${call},error_type="calling_webhook_error",rejection_code="0"}`,
    ten,
  ],
  [`apiserver_admission_webhook_request_total{${call},code="200",rejected="false"}`, ten],
  [`apiserver_admission_webhook_request_total{${call},code="429",rejected="true"}`, ten],
  [`apiserver_admission_webhook_admission_duration_seconds_bucket{${call},rejected="false",le="0.1"}`, ten],
  [`apiserver_admission_webhook_admission_duration_seconds_bucket{${call},rejected="false",le="+Inf"}`, ten],
  [
    `apiserver_admission_match_condition_evaluation_errors_total{${ours},kind="webhook",operation="UPDATE"}`,
    ten,
  ],
  [`apiserver_admission_match_condition_exclusions_total{${ours},kind="webhook",operation="UPDATE"}`, ten],
  [
    'ALERTS{alertname="HoldfastCleanupDoesNotEnd",alertstate="firing",severity="warning",node="n1",disk="d1",image="a"}',
    '1x10',
  ],
  [
    'ALERTS{alertname="HoldfastRequestWaits",alertstate="firing",severity="warning",node="n1",user="ann"}',
    '1x10',
  ],
]
