import { isIP } from 'node:net'

/** What a server is called by its clients; at least one name or address. */
export interface ServerNames {
  /** `localhost`, `holdfast.holdfast.svc`; the first label may be `*`. */
  readonly dns: readonly string[]
  /** IPv4 or IPv6. */
  readonly ips: readonly string[]
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

/** Thrown for names that no client could ask for. */
export class BadServerName extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BadServerName'
  }
}

/**
 * Finds out whether a certificate for these names is of use, before a client has to.
 *
 * @throws {@link BadServerName}
 */
export function checkServerNames({ dns, ips }: ServerNames): void {
  if (dns.length + ips.length === 0) {
    throw new BadServerName(
      'A serving certificate needs at least one DNS name or IP address: clients compare it with what they call',
    )
  }
  for (const name of dns) {
    if (isIP(name) !== 0) {
      throw new BadServerName(
        `${name} is an IP address, not a DNS name: clients compare addresses with addresses only`,
      )
    }
    const [first = '', ...others] = name.split('.')
    const labels = first === '*' && others.length > 0 ? others : [first, ...others]
    if (name.length > 253 || !labels.every((each) => label.test(each))) {
      throw new BadServerName(
        `${JSON.stringify(name)} is no DNS name: letters, digits and hyphens, in labels of at most 63 characters`,
      )
    }
  }
  const wrong = ips.find((ip) => isIP(ip) === 0 || ip.includes('%'))
  if (wrong !== undefined) throw new BadServerName(`${JSON.stringify(wrong)} is no IP address`)
}
