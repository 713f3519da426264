import { BlockList, isIP } from 'node:net'
import { parsedUrl } from './parsed-url.ts'

/** Variables of an environment, by name. */
type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that the environment names for a server, as Go's `golang.org/x/net/http/httpproxy` finds it, so that it is the
 * one that kubectl takes: HTTPS_PROXY or HTTP_PROXY by the scheme of the server, in upper case before lower case; none for
 * this machine itself and for what NO_PROXY lists. (Packages for Node differ in CIDR blocks, ports and order.)
 *
 * @returns undefined for none
 */
export function proxyFromEnvironment(server: URL, environment: Environment): URL | undefined {
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const proxy = proxyUrl(either(environment, name))
  if (proxy === undefined) return undefined
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = server.port === '' ? (server.protocol === 'https:' ? '443' : '80') : server.port
  const isNear = host === 'localhost' || (isIP(host) !== 0 && loopback.check(host, familyOf(host)))
  const rules = either(environment, 'NO_PROXY').split(',')
  return isNear || rules.some((rule) => excludes(rule.trim().toLowerCase(), host, port)) ? undefined : proxy
}

function either(environment: Environment, name: string): string {
  const upper = environment[name] ?? ''
  return upper === '' ? (environment[name.toLowerCase()] ?? '') : upper
}

/** `host:port` alone is a proxy of HTTP. What is no URL either way is as good as nothing, to Go too. */
function proxyUrl(text: string): URL | undefined {
  if (text === '') return undefined
  const whole = /^[a-z][a-z0-9+.-]*:\/\/./i.test(text) ? text : `http://${text}`
  return parsedUrl(whole)
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether one rule of NO_PROXY is about this server. A domain is about all below it too; `.domain` only about these. */
function excludes(rule: string, host: string, port: string): boolean {
  if (rule === '') return false
  if (rule === '*') return true
  const block = blockOf(rule)
  if (block) return isIP(host) !== 0 && block.check(host, familyOf(host))
  const { name, only } = withPort(rule)
  if (name === '' || (only !== undefined && only !== port)) return false
  if (isIP(name) !== 0) return isIP(host) !== 0 && addressList(name).check(host, familyOf(host))
  const domain = name.startsWith('*.') ? name.slice(1) : name
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

/** `10.0.0.0/8` or `fd00::/8`. */
function blockOf(rule: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(rule) ?? []
  const family = isIP(address)
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(address, Number(bits), familyOf(address))
  return list
}

/** Compares addresses, not their texts: `fd00::1` is `fd00:0::1`. */
function addressList(address: string): BlockList {
  const list = new BlockList()
  list.addAddress(address, familyOf(address))
  return list
}

/** `host:port`, `[address]:port` or either without a port; an address of IPv6 has colons of its own. */
function withPort(rule: string): { readonly name: string; readonly only: string | undefined } {
  if (isIP(rule) !== 0) return { name: rule, only: undefined }
  const [, bracketed, plain, only] = /^(?:\[([^\]]*)\]|([^:]*)):(\d*)$/.exec(rule) ?? []
  if (only === undefined) return { name: rule, only }
  return { name: bracketed ?? plain ?? '', only: only === '' ? undefined : only }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
