import { hostname } from 'node:os'
import { defaultPolicy, type Mode, type Policy, withModes } from '../rules/policy.ts'
import { parseDuration } from '../time/duration.ts'
import type { Settings } from './settings.ts'
import { parseSize } from './size.ts'

/** Every setting, with all defaults filled in. */
export interface Configuration {
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  /**
   * The guard’s namespace; undefined for that of its pod, or the one that the doors of the cluster have
   * agreed on.
   */
  readonly namespace: string | undefined
  readonly replica: string
  readonly host: string
  readonly port: number
  readonly healthPort: number
  readonly tlsCert: string
  readonly tlsKey: string
  /**
   * PEM file of the authorities whose client certificates are accepted; undefined if the guard asks for none.
   */
  readonly clientCa: string | undefined
  /** Names, of which such a certificate needs one; empty for any. */
  readonly clientNames: readonly string[]
  /** Undefined for a certificate from files. */
  readonly certificateSecret: string | undefined
  /** Undefined for the names that follow from the namespace. */
  readonly serverName: string | undefined
  readonly webhookConfiguration: string
  readonly policy: Policy
  /** Whether the guard itself clears the flags of nodes in danger, and raises them again. */
  readonly rescue: boolean
  /** Whether audit records go to standard output, between the lines of the log. */
  readonly auditLog: boolean
  /** The file that audit records go to, if there is one. */
  readonly auditFile: { readonly path: string; readonly maxBytes: number; readonly keep: number } | undefined
  /** The report of denials, if there is one. */
  readonly report:
    { readonly choice: Exclude<NonNullable<Settings['reports']>, 'off'>; readonly keepMs: number } | undefined
  /** The port for people's commands to this replica, on 127.0.0.1 only. */
  readonly operatorPort: number
  readonly maxAgeMs: number
  readonly maxHoldMs: number
  readonly maxHolds: number
  /** How long an admitted write may still be committed: the API server's request timeout plus slack. */
  readonly commitMs: number
  readonly retryAfterSeconds: number
  readonly lingerMs: number
  readonly logFormat: NonNullable<Settings['logFormat']>
  readonly logLevel: NonNullable<Settings['logLevel']>
}

/** The tolerated difference between clocks of replicas, in milliseconds. */
const clockSlackMs = 10_000

/** Merges layers of settings and fills in the defaults. The first layer that has a setting wins. */
export function configure(layers: readonly Settings[]): Configuration {
  const lowestFirst = layers.toReversed()
  const settings = lowestFirst.reduce<Settings>((all, layer) => ({ ...all, ...layer }), {})
  // One layer can set one rule, and another layer another rule.
  const modes = lowestFirst.reduce((all, { rules }) => ({ ...all, ...rules }), defaultPolicy.modes)
  return {
    kubeconfig: settings.kubeconfig,
    context: settings.context,
    namespace: settings.namespace,
    replica: settings.replica ?? hostname(),
    host: unbracketed(settings.host ?? '::'),
    port: settings.port ?? 8443,
    healthPort: settings.healthPort ?? 8080,
    tlsCert: settings.tlsCert ?? 'certs/tls.crt',
    tlsKey: settings.tlsKey ?? 'certs/tls.key',
    clientCa: settings.clientCa,
    clientNames: settings.clientNames ?? [],
    certificateSecret: settings.certificateSecret,
    serverName: settings.serverName,
    webhookConfiguration: settings.webhookConfiguration ?? 'holdfast',
    policy: {
      longhornNamespace: settings.longhornNamespace ?? defaultPolicy.longhornNamespace,
      modes: withModes(modes, (rule) => mildest(modes[rule], settings.mode ?? 'enforce')),
      release: settings.longhornRelease,
      stuckAfterMs: durationOf(settings.stuckAfter, defaultPolicy.stuckAfterMs),
      lostAfterMs: durationOf(settings.lostAfter, defaultPolicy.lostAfterMs),
      settleMs: durationOf(settings.settle, defaultPolicy.settleMs),
      settleAfterOutageMs: durationOf(settings.settleAfterOutage, defaultPolicy.settleAfterOutageMs),
      evictionCompletion: settings.evictionCompletion ?? defaultPolicy.evictionCompletion,
      impatient: settings.impatient ?? [],
      override: { groups: settings.overrideGroups, except: new Set(settings.overrideExcept) },
      evictionBudget: {
        flaggedNodes: settings.maxFlaggedNodes,
        pendingCleanups: settings.maxPendingCleanups,
      },
    },
    rescue: settings.rescue === 'on',
    auditLog: settings.auditLog !== 'off',
    auditFile:
      settings.auditFile === undefined
        ? undefined
        : {
            path: settings.auditFile,
            maxBytes: parseSize(settings.auditFileSize ?? '') ?? 50 * 2 ** 20,
            keep: settings.auditFiles ?? 5,
          },
    report: reportOf(settings),
    operatorPort: settings.operatorPort ?? 8081,
    maxAgeMs: durationOf(settings.maxAge, 120_000),
    maxHoldMs: durationOf(settings.hold, 30_000),
    maxHolds: settings.maxHolds ?? 64,
    commitMs: durationOf(settings.requestTimeout, 60_000) + clockSlackMs,
    // Retry-After has whole seconds, and 0 would mean "do not retry".
    retryAfterSeconds: Math.max(1, Math.round(durationOf(settings.retryAfter, 2_000) / 1_000)),
    lingerMs: durationOf(settings.linger, 10_000),
    logFormat: settings.logFormat ?? 'auto',
    logLevel: settings.logLevel ?? 'info',
  }
}

function reportOf({ reports = 'off', reportedFor }: Settings): Configuration['report'] {
  return reports === 'off' ? undefined : { choice: reports, keepMs: durationOf(reportedFor, 24 * 3_600_000) }
}

const severity: readonly Mode[] = ['off', 'warn', 'enforce']

function mildest(one: Mode, other: Mode): Mode {
  return severity[Math.min(severity.indexOf(one), severity.indexOf(other))] ?? 'off'
}

function durationOf(text: string | undefined, byDefault: number): number {
  return text === undefined ? byDefault : (parseDuration(text) ?? byDefault)
}

/** Accepts an IPv6 address in the form that URLs use, too. */
function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
