import type { Command } from 'commander'
import type { TSchema } from 'typebox'
import { type Configuration, configure } from '../../configuration/configuration.ts'
import { type Layer, layerFromFile, layerFromTexts, nearest } from '../../configuration/layer.ts'
import {
  settingFacts,
  type SettingName,
  settingNames,
  type Settings,
  SettingsSchema,
} from '../../configuration/settings.ts'
import { mostBytes } from '../../text/bounded-file.ts'
import { ruleNames } from '../../rules/finding.ts'
import { readText } from '../check/read-files.ts'
import { CannotRun, type Environment } from '../surroundings.ts'
import type { ClusterFlags } from './cluster-options.ts'
import { isServiceLink, VariableOption } from './variable-option.ts'

/** Settings whose flag can be repeated, each time with one item. */
const repeatable: Readonly<Partial<Record<SettingName, string>>> = {
  rules: 'rule',
  clientNames: 'clientName',
}

/** `healthPort` → `--health-port`; one rule at a time is `--rule`. */
export function flagOf(setting: SettingName): string {
  return `--${kebab(repeatable[setting] ?? setting)}`
}

/** `healthPort` → `HOLDFAST_HEALTH_PORT`. */
export function variableOf(setting: SettingName): string {
  return `HOLDFAST_${kebab(setting).replaceAll('-', '_').toUpperCase()}`
}

/** Without effect on a proxy: it has an address of its own, serves no webhook, and asks for no client certificate. */
const webhookOnly: ReadonlySet<SettingName> = new Set([
  ...(['host', 'port', 'clientCa', 'clientNames'] as const),
  ...(['certificateSecret', 'serverName', 'webhookConfiguration'] as const),
])

/** Of a setting that has a few; undefined for any other. */
function valuesOf(name: SettingName): readonly string[] | undefined {
  if (name === 'rules')
    return ruleNames.flatMap((rule) => ['enforce', 'warn', 'off'].map((mode) => `${rule}=${mode}`))
  const schema: TSchema = SettingsSchema.properties[name]
  const parts: unknown = 'anyOf' in schema ? schema.anyOf : undefined
  if (!Array.isArray(parts)) return undefined
  const values = parts.map((part: unknown) => (isLiteral(part) ? part.const : undefined))
  return values.every((value) => typeof value === 'string') ? values : undefined
}

function isLiteral(part: unknown): part is { readonly const: unknown } {
  return typeof part === 'object' && part !== null && 'const' in part
}

function isForWebhook(command: Command): boolean {
  return command.name() === 'serve'
}

/** Adds an option and an environment variable for each setting, and `--config`. */
export function addSettings(command: Command): Command {
  command.addOption(
    new VariableOption('--config <file>', 'YAML file with any of these settings', 'HOLDFAST_CONFIG'),
  )
  for (const name of settingNames) {
    const { placeholder, help, byDefault } = settingFacts[name]
    const description = `${help} (default: ${byDefault})`
    const flags = `${flagOf(name)} <${placeholder}>`
    const option = new VariableOption(flags, description, variableOf(name), valuesOf(name))
    if (repeatable[name] !== undefined)
      option.argParser((value: string, before: string | undefined) => join(before, value))
    if (!isForWebhook(command) && webhookOnly.has(name)) option.hideHelp()
    command.addOption(option)
  }
  return command
}

/**
 * Merges the settings of flags, environment and configuration file.
 *
 * @param otherwise defaults for settings that none of them has
 * @throws CannotRun that names all errors at once
 */
export async function readSettings(command: Command, otherwise: Settings = {}): Promise<Configuration> {
  const flags = layerFromTexts(textsFrom(command, 'cli'), flagOf)
  const environment = layerFromTexts(textsFrom(command, 'env'), variableOf)
  const config: unknown = command.getOptionValue('config')
  const file = typeof config === 'string' ? await readConfig(config) : noLayer
  const layers = [flags, environment, file]
  const problems = layers.flatMap((layer) => (layer.ok ? [] : layer.problems))
  if (problems.length > 0) throw new CannotRun(problems.join('\n'))
  if (!isForWebhook(command)) refuseWebhookOnly(command)
  const settings = layers.flatMap((layer): Settings[] => (layer.ok ? [layer.settings] : []))
  const configuration = configure([...settings, otherwise])
  if (configuration.clientNames.length > 0 && configuration.clientCa === undefined) {
    throw new CannotRun(
      'clientNames (--client-name) has no effect without clientCa (--client-ca): the guard asks for no certificate. Name the file of the authorities too',
    )
  }
  return configuration
}

/** It would have no effect, and a person who gives it expects one. @throws CannotRun */
function refuseWebhookOnly(command: Command): void {
  const [given] = [...webhookOnly].filter(
    (name) => command.getOptionValueSource(repeatable[name] ?? name) === 'cli',
  )
  if (given === undefined) return
  throw new CannotRun(
    `${flagOf(given)} is for holdfast serve, and without effect on a proxy, which listens where --listen says. Leave it out`,
  )
}

const noLayer: Layer = { ok: true, settings: {} }

async function readConfig(path: string): Promise<Layer> {
  return layerFromFile(await readText(path, 'the configuration file', mostBytes.configuration), path)
}

/** The settings from one source, in their original form. */
function textsFrom(command: Command, source: 'cli' | 'env'): Partial<Record<SettingName, string>> {
  const texts: Partial<Record<SettingName, string>> = {}
  for (const name of settingNames) {
    const key = repeatable[name] ?? name
    const value: unknown = command.getOptionValue(key)
    if (command.getOptionValueSource(key) === source && typeof value === 'string') texts[name] = value
  }
  return texts
}

function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** The cluster that the settings select. */
export function clusterOf({
  kubeconfig,
  context,
}: Configuration): Pick<ClusterFlags, 'kubeconfig' | 'context'> {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  }
}

/**
 * Variables that are not settings: those of single commands, and those of the project's tests, which a
 * developer may have set.
 */
const others = [
  ...['HOLDFAST_CONFIG', 'HOLDFAST_PROXY_LISTEN'],
  ...['HOLDFAST_CRDS', 'HOLDFAST_ADMISSION_REVIEWS', 'HOLDFAST_PATIENCE', 'HOLDFAST_THOROUGH'],
]

/**
 * A misspelt variable would be ignored, and the command would run with the wrong settings.
 *
 * @throws CannotRun
 */
export function refuseUnknownVariables(env: Environment): void {
  const known = [...settingNames.map(variableOf), ...others]
  const unknown = Object.entries(env).flatMap(([name, value = '']) =>
    name.startsWith('HOLDFAST_') && !known.includes(name) && !isServiceLink(name, value) ? [name] : [],
  )
  if (unknown.length === 0) return
  throw new CannotRun(
    unknown
      .map((name) => {
        const meant = nearest(name, known)
        return `unknown variable ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`
      })
      .join('\n'),
  )
}
