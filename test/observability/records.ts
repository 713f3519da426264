import type { AuditRecord } from '../../src/observability/audit-record.ts'

/** A record of a refusal, with whatever a test is about. */
export function record(parts: Partial<AuditRecord> = {}): AuditRecord {
  return {
    schema: 'holdfast.dev/audit/v1',
    time: '2026-11-23T12:00:00.000Z',
    replica: 'holdfast-1',
    uid: 'request-1',
    door: 'webhook',
    actor: { user: 'ann', groups: ['system:authenticated'] },
    object: { kind: 'Node', name: 'n1' },
    operation: 'UPDATE',
    dryRun: false,
    verdict: 'hold',
    findings: [
      {
        rule: 'eviction-during-cleanup',
        effect: 'hold',
        subjects: [{ node: 'n1', disk: 'd1', diskUUID: 'uuid-d1', image: 'ubuntu' }],
        message:
          'evicting d2 of n1 has to wait: backing image ubuntu is still being removed from d1 (for 12s). It crashes.',
        clears: 'The eviction is allowed as soon as the clean-up ends.',
      },
    ],
    waitedMs: 0,
    decisionMs: 0.25,
    longhorn: { release: 'v1.8.0', profile: 'A' },
    diskMapAgeMs: 120,
    count: 1,
    ...parts,
  }
}
