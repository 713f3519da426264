import { timestamp } from '../../time/clock.ts'
import type { ClusterObject } from '../cluster-client.ts'
import type { CrashRecord } from './report.ts'

/** How the pod of a manager stands. */
export interface PodState {
  readonly phase: 'running' | 'crashed' | 'off'
  /** Its crashes so far, which are its restarts too once it runs again. */
  readonly crashes: number
  /** The last one; undefined if there was none. */
  readonly last: CrashRecord | undefined
}

/** The name of the pod. Really it ends with five letters that change with each pod. */
export function managerPodName(node: string): string {
  return `longhorn-manager-${node}`
}

/** The pod as the kubelet shows it: Longhorn's DaemonSet gives it its label and the name of its container. */
export function managerPod(node: string, namespace: string, state: PodState, now: number): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: managerPodName(node), namespace, labels: { app: 'longhorn-manager' } },
    spec: {
      nodeName: node,
      containers: [{ name: 'longhorn-manager', image: 'longhornio/longhorn-manager' }],
    },
    status: podStatus(state, now),
  }
}

function podStatus({ phase, crashes, last }: PodState, now: number): object {
  const ready = phase === 'running'
  const backOff = {
    reason: 'CrashLoopBackOff',
    message: `back-off ${Math.round((last?.restartInMs ?? 0) / 1_000)}s restarting failed container=longhorn-manager`,
  }
  return {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    containerStatuses: [
      {
        name: 'longhorn-manager',
        ready,
        // The kubelet counts a restart when the container starts again.
        restartCount: phase === 'crashed' ? crashes - 1 : crashes,
        state: phase === 'crashed' ? { waiting: backOff } : { running: { startedAt: timestamp(now) } },
        // Go ends a process that panics with this code.
        lastState: last ? { terminated: { exitCode: 2, reason: 'Error', finishedAt: last.at } } : {},
      },
    ],
  }
}

/** What the log of a manager that crashed ends with, as Go writes it. */
export function crashLog({ message }: CrashRecord): string {
  return `${message}

goroutine 1922 [running]:
github.com/longhorn/longhorn-manager/controller.(*NodeController).syncBackingImageEvictionRequested(...)
\t/app/controller/node_controller.go
`
}
