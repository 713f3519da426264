import { Type, type Static } from 'typebox'
import { defaultPolicy, type Mode } from '../rules/policy.ts'
import { ruleNames, type RuleName } from '../rules/finding.ts'
import { durationPattern } from './duration.ts'

const port = Type.Integer({ minimum: 0, maximum: 65535 })
const duration = Type.String({ pattern: durationPattern })
const mode = Type.Union([Type.Literal('enforce'), Type.Literal('warn'), Type.Literal('off')])

/**
 * JSON Schema of the configuration file. Each key is also a flag (`healthPort`: `--health-port`) and an environment
 * variable (`HOLDFAST_HEALTH_PORT`). Flags win over variables, variables over the file.
 */
export const SettingsSchema = Type.Object(
  {
    kubeconfig: Type.Optional(Type.String()),
    context: Type.Optional(Type.String()),
    longhornNamespace: Type.Optional(Type.String({ minLength: 1 })),
    longhornRelease: Type.Optional(Type.String({ minLength: 1 })),
    host: Type.Optional(Type.String({ minLength: 1 })),
    port: Type.Optional(port),
    healthPort: Type.Optional(port),
    tlsCert: Type.Optional(Type.String({ minLength: 1 })),
    tlsKey: Type.Optional(Type.String({ minLength: 1 })),
    rules: Type.Optional(
      Type.Unsafe<Partial<Record<RuleName, Mode>>>(
        Type.Object(Object.fromEntries(ruleNames.map((name) => [name, Type.Optional(mode)])), {
          additionalProperties: false,
        }),
      ),
    ),
    stuckAfter: Type.Optional(duration),
    evictionCompletion: Type.Optional(Type.Union([Type.Literal('hold'), Type.Literal('allow')])),
    maxAge: Type.Optional(duration),
    retryAfter: Type.Optional(duration),
    linger: Type.Optional(duration),
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

/** Settings as they are written in one place: all optional, durations as texts. */
export type Settings = Static<typeof SettingsSchema>

/** The name of one setting. */
export type SettingName = keyof Settings

/** What a person has to know of one setting. */
export interface SettingFacts {
  /** How its value is shown in help. */
  readonly placeholder: string
  readonly help: string
  /** What holds without it, in words if it is not a plain value. */
  readonly byDefault: string
}

/** Every setting, in the order of `holdfast serve --help` and README. */
export const settingFacts: Readonly<Required<Record<SettingName, SettingFacts>>> = {
  kubeconfig: {
    placeholder: 'file',
    help: 'kubeconfig of the cluster',
    byDefault: '$KUBECONFIG, then the pod’s service account, then ~/.kube/config',
  },
  context: { placeholder: 'name', help: 'context of the kubeconfig', byDefault: 'its current context' },
  longhornNamespace: {
    placeholder: 'name',
    help: 'namespace that Longhorn runs in',
    byDefault: defaultPolicy.longhornNamespace,
  },
  longhornRelease: {
    placeholder: 'release',
    help: 'judge for this Longhorn release, e.g. v1.8.0',
    byDefault: 'what Setting current-longhorn-version says',
  },
  host: { placeholder: 'address', help: 'address to listen on', byDefault: '0.0.0.0' },
  port: { placeholder: 'port', help: 'port of the webhook (TLS)', byDefault: '8443' },
  healthPort: { placeholder: 'port', help: 'port of /livez and /readyz (plain HTTP)', byDefault: '8080' },
  tlsCert: { placeholder: 'file', help: 'certificate of the webhook, PEM', byDefault: 'certs/tls.crt' },
  tlsKey: { placeholder: 'file', help: 'key of that certificate, PEM', byDefault: 'certs/tls.key' },
  rules: {
    placeholder: 'rule=mode',
    help: 'mode of a rule: enforce, warn or off; may be given several times',
    byDefault: 'enforce for each',
  },
  stuckAfter: {
    placeholder: 'duration',
    help: 'a clean-up pending longer than this no longer holds an eviction, on releases that do not crash',
    byDefault: '5m',
  },
  evictionCompletion: {
    placeholder: 'hold|allow',
    help: 'what to do with the end of an eviction (its copy is removed) while the flag is up, on releases that crash',
    byDefault: defaultPolicy.evictionCompletion,
  },
  maxAge: {
    placeholder: 'duration',
    help: 'arming changes are not admitted on knowledge of the cluster older than this',
    byDefault: '2m',
  },
  retryAfter: {
    placeholder: 'duration',
    help: 'how long a held client is told to wait, in whole seconds',
    byDefault: '2s',
  },
  linger: {
    placeholder: 'duration',
    help: 'how long to keep serving after SIGTERM, until no API server calls any more',
    byDefault: '10s',
  },
  logLevel: { placeholder: 'level', help: 'debug, info, warn, error or silent', byDefault: 'info' },
}

/** All settings' names, in that order. */
export const settingNames = Object.keys(settingFacts).filter(
  (name): name is SettingName => name in settingFacts,
)
