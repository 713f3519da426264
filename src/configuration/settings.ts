import { type Static, Type } from 'typebox'
import { type RuleName, ruleNames } from '../rules/finding.ts'
import { defaultPolicy, type Mode } from '../rules/policy.ts'
import { durationPattern } from '../time/duration.ts'
import { sizePattern } from './size.ts'

const port = Type.Integer({ minimum: 0, maximum: 65535 })
const duration = Type.String({ pattern: durationPattern })
const mode = Type.Union([Type.Literal('enforce'), Type.Literal('warn'), Type.Literal('off')])
/** The schema's format name for a text that names a release of Longhorn. */
export const releaseFormat = 'longhorn-release'
const onOff = Type.Union([Type.Literal('on'), Type.Literal('off')])
const positive = Type.Integer({ minimum: 1 })

/**
 * JSON Schema of the configuration file. Each key is also a flag (`healthPort`: `--health-port`) and an environment
 * variable (`HOLDFAST_HEALTH_PORT`). Flags win over variables, variables over the file.
 */
export const SettingsSchema = Type.Object(
  {
    kubeconfig: Type.Optional(Type.String()),
    context: Type.Optional(Type.String()),
    namespace: Type.Optional(Type.String({ minLength: 1 })),
    replica: Type.Optional(Type.String({ minLength: 1 })),
    longhornNamespace: Type.Optional(Type.String({ minLength: 1 })),
    longhornRelease: Type.Optional(Type.String({ format: releaseFormat })),
    host: Type.Optional(Type.String({ minLength: 1 })),
    port: Type.Optional(port),
    healthPort: Type.Optional(port),
    tlsCert: Type.Optional(Type.String({ minLength: 1 })),
    tlsKey: Type.Optional(Type.String({ minLength: 1 })),
    clientCa: Type.Optional(Type.String({ minLength: 1 })),
    clientNames: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    certificateSecret: Type.Optional(Type.String({ minLength: 1 })),
    serverName: Type.Optional(Type.String({ minLength: 1 })),
    webhookConfiguration: Type.Optional(Type.String({ minLength: 1 })),
    mode: Type.Optional(mode),
    rules: Type.Optional(
      Type.Unsafe<Partial<Record<RuleName, Mode>>>(
        Type.Object(Object.fromEntries(ruleNames.map((name) => [name, Type.Optional(mode)])), {
          additionalProperties: false,
        }),
      ),
    ),
    stuckAfter: Type.Optional(duration),
    lostAfter: Type.Optional(duration),
    settle: Type.Optional(duration),
    settleAfterOutage: Type.Optional(duration),
    evictionCompletion: Type.Optional(Type.Union([Type.Literal('hold'), Type.Literal('allow')])),
    maxFlaggedNodes: Type.Optional(positive),
    maxPendingCleanups: Type.Optional(positive),
    overrideGroups: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    overrideExcept: Type.Optional(
      Type.Array(Type.Unsafe<RuleName>(Type.Union(ruleNames.map((name) => Type.Literal(name))))),
    ),
    impatient: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    rescue: Type.Optional(onOff),
    auditLog: Type.Optional(onOff),
    auditFile: Type.Optional(Type.String({ minLength: 1 })),
    auditFileSize: Type.Optional(Type.String({ pattern: sizePattern })),
    auditFiles: Type.Optional(positive),
    reports: Type.Optional(
      Type.Union([
        Type.Literal('off'),
        Type.Literal('auto'),
        Type.Literal('openreports'),
        Type.Literal('policyreport'),
      ]),
    ),
    reportedFor: Type.Optional(duration),
    operatorPort: Type.Optional(port),
    maxAge: Type.Optional(duration),
    hold: Type.Optional(duration),
    maxHolds: Type.Optional(Type.Integer({ minimum: 0 })),
    requestTimeout: Type.Optional(duration),
    retryAfter: Type.Optional(duration),
    linger: Type.Optional(duration),
    logFormat: Type.Optional(Type.Union([Type.Literal('auto'), Type.Literal('json')])),
    logLevel: Type.Optional(
      Type.Union([
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warn'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ]),
    ),
  },
  { additionalProperties: false },
)

/** Settings of one source: all optional, durations as texts. */
export type Settings = Static<typeof SettingsSchema>

/** The name of one setting. */
export type SettingName = keyof Settings

/** The documentation of one setting. */
interface SettingFacts {
  /** How help shows its value. */
  readonly placeholder: string
  readonly help: string
  /** The default, in words if it is not a plain value. */
  readonly byDefault: string
}

/** Every setting, in the order of `holdfast serve --help` and docs/configuration.md. */
export const settingFacts: Readonly<Required<Record<SettingName, SettingFacts>>> = {
  kubeconfig: {
    placeholder: 'file',
    help: 'kubeconfig of the cluster',
    byDefault: '$KUBECONFIG, then ~/.kube/config, then the pod’s service account',
  },
  context: { placeholder: 'name', help: 'context of the kubeconfig', byDefault: 'its current context' },
  namespace: {
    placeholder: 'name',
    help: 'namespace of the Leases that record admitted changes; the same for all replicas and proxies of a cluster',
    byDefault: 'that of the pod, else that of the cluster’s other guards, else holdfast',
  },
  replica: {
    placeholder: 'name',
    help: 'name of this replica in Leases and log',
    byDefault: 'the name of the pod or host',
  },
  longhornNamespace: {
    placeholder: 'name',
    help: 'namespace that Longhorn runs in',
    byDefault: defaultPolicy.longhornNamespace,
  },
  longhornRelease: {
    placeholder: 'release',
    help: 'judge for this Longhorn release, e.g. v1.8.0',
    byDefault: 'as Setting current-longhorn-version says',
  },
  host: {
    placeholder: 'address',
    help: 'address to listen on; :: is all addresses, of IPv6 and IPv4',
    byDefault: '::',
  },
  port: { placeholder: 'port', help: 'port of the webhook (TLS)', byDefault: '8443' },
  healthPort: {
    placeholder: 'port',
    help: 'port of /livez, /readyz and /metrics (plain HTTP)',
    byDefault: '8080',
  },
  tlsCert: { placeholder: 'file', help: 'certificate of the webhook, PEM', byDefault: 'certs/tls.crt' },
  tlsKey: { placeholder: 'file', help: 'key of that certificate, PEM', byDefault: 'certs/tls.key' },
  clientCa: {
    placeholder: 'file',
    help: 'accept reviews only with a client certificate signed by an authority in this PEM file',
    byDefault: 'none: accept reviews from every caller',
  },
  clientNames: {
    placeholder: 'name',
    help: 'of these certificates, accept only those with this common name, DNS name or address; may be given several times',
    byDefault: 'any name',
  },
  certificateSecret: {
    placeholder: 'name',
    help: 'store self-made certificates in this Secret of the guard’s namespace',
    byDefault: 'none: read the certificate from tlsCert and tlsKey',
  },
  serverName: {
    placeholder: 'name',
    help: 'name by which the API server calls the webhook, for a self-made certificate',
    byDefault: 'holdfast.<namespace>.svc',
  },
  webhookConfiguration: {
    placeholder: 'name',
    help: 'ValidatingWebhookConfiguration to publish the authority of a self-made certificate in',
    byDefault: 'holdfast',
  },
  mode: {
    placeholder: 'mode',
    help: 'upper limit for every rule: enforce, warn (observe only) or off',
    byDefault: 'enforce',
  },
  rules: {
    placeholder: 'rule=mode',
    help: 'mode of one rule: enforce, warn or off; may be given several times',
    byDefault: 'enforce for each',
  },
  stuckAfter: {
    placeholder: 'duration',
    help: 'a clean-up that is pending for longer does not make evictions wait, on releases that do not crash',
    byDefault: '5m',
  },
  lostAfter: {
    placeholder: 'duration',
    help: 'a node whose manager has been down, or a disk that has not been ready, for longer counts as lost: its copies may go while other copies are ready elsewhere',
    byDefault: '10m',
  },
  settle: {
    placeholder: 'duration',
    help: 'an ended clean-up, a finished first file and a cleared flag count for this time, on releases that crash; 0s: not at all',
    byDefault: '10s',
  },
  settleAfterOutage: {
    placeholder: 'duration',
    help: 'the same after an outage of the API server, from its end',
    byDefault: '90s',
  },
  evictionCompletion: {
    placeholder: 'hold|allow',
    help: 'hold or allow the end of an eviction (Longhorn removes the copy) while the flag is up, on releases that crash',
    byDefault: defaultPolicy.evictionCompletion,
  },
  maxFlaggedNodes: {
    placeholder: 'n',
    help: 'how many nodes may have a flag up before the next eviction waits',
    byDefault: 'any number',
  },
  maxPendingCleanups: {
    placeholder: 'n',
    help: 'how many clean-ups may be pending before the next eviction waits',
    byDefault: 'any number',
  },
  overrideGroups: {
    placeholder: 'group,...',
    help: 'only members of these groups may override with annotation holdfast.dev/override',
    byDefault: 'every user who may write the object',
  },
  overrideExcept: { placeholder: 'rule,...', help: 'rules that cannot be overridden', byDefault: 'none' },
  impatient: {
    placeholder: 'caller,...',
    help: 'controllers that get a denial at once instead of waiting: users, groups, service accounts as namespace/name',
    byDefault: 'Longhorn’s account alone',
  },
  rescue: {
    placeholder: 'on|off',
    help: 'clear the flags of a node in danger at once, and raise them again when it is safe; takes the right to patch Longhorn’s nodes',
    byDefault: 'off',
  },
  auditLog: {
    placeholder: 'on|off',
    help: 'write audit records to standard output, whatever the log level',
    byDefault: 'on',
  },
  auditFile: { placeholder: 'file', help: 'write audit records to this file too', byDefault: 'none' },
  auditFileSize: {
    placeholder: 'size',
    help: 'rotate that file at this size, e.g. 512Ki, 50Mi',
    byDefault: '50Mi',
  },
  auditFiles: { placeholder: 'n', help: 'how many rotated files are kept', byDefault: '5' },
  reports: {
    placeholder: 'kind',
    help: 'keep a report of denials beside Longhorn’s objects: openreports, policyreport, auto (the one that the API server serves) or off',
    byDefault: 'off',
  },
  reportedFor: { placeholder: 'duration', help: 'how long a denial stays in that report', byDefault: '24h' },
  operatorPort: {
    placeholder: 'port',
    help: 'port on 127.0.0.1 where holdfast audit and holdfast status read from this replica',
    byDefault: '8081',
  },
  maxAge: {
    placeholder: 'duration',
    help: 'deny dangerous changes while the view of the cluster is older than this',
    byDefault: '2m',
  },
  hold: {
    placeholder: 'duration',
    help: 'longest time that a request waits; the API server’s own time-out counts too',
    byDefault: '30s',
  },
  maxHolds: {
    placeholder: 'n',
    help: 'how many requests may wait at once, shared out between users; further ones get 429 at once',
    byDefault: '64',
  },
  requestTimeout: {
    placeholder: 'duration',
    help: 'the API server’s --request-timeout; reservations last this long plus 10 s',
    byDefault: '1m',
  },
  retryAfter: {
    placeholder: 'duration',
    help: 'Retry-After sent with a 429, in whole seconds',
    byDefault: '2s',
  },
  linger: {
    placeholder: 'duration',
    help: 'keep serving for this time after SIGTERM, until API servers have stopped calling',
    byDefault: '10s',
  },
  logFormat: {
    placeholder: 'auto|json',
    help: 'auto: words on a terminal, else JSON; json: always JSON',
    byDefault: 'auto',
  },
  logLevel: { placeholder: 'level', help: 'debug, info, warn, error or silent', byDefault: 'info' },
}

/** All settings' names, in that order. */
export const settingNames = Object.keys(settingFacts).filter(
  (name): name is SettingName => name in settingFacts,
)
