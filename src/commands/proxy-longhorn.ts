import { Command } from 'commander'
import { agentFor } from '../guard/proxy-guard.ts'
import { addProxyOptions, ownPorts, type ProxyFlags } from './proxy-options.ts'
import { runProxy } from './run-proxy.ts'
import { addSettings, readSettings } from './setting-options.ts'
import type { CommandSurroundings } from './surroundings.ts'
import { url } from './url.ts'

interface LonghornFlags extends ProxyFlags {
  readonly upstream: URL
  readonly userHeader?: string
}

/** `holdfast proxy longhorn`: in front of Longhorn's REST API. */
export function proxyLonghornCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('longhorn')
    .description('In front of Longhorn’s REST API, where a person’s own request is seen: point its UI here.')
    .requiredOption('--upstream <url>', 'Longhorn’s REST API, e.g. http://longhorn-backend:9500', url)
    .option(
      '--user-header <name>',
      'header in which an authenticating proxy before this one names the person; only if nobody gets around that',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast proxy longhorn --upstream http://longhorn-backend.longhorn-system:9500 --listen [::]:9500
  $ holdfast proxy longhorn --upstream http://127.0.0.1:9500 --user-header X-Forwarded-User --hold 5m`,
    )
  addProxyOptions(command, { host: '127.0.0.1', port: 9500 })
  return addSettings(command).action((flags: LonghornFlags) => runBeforeLonghorn(command, flags, surroundings))
}

async function runBeforeLonghorn(command: Command, flags: LonghornFlags, surroundings: CommandSurroundings): Promise<void> {
  const configuration = await readSettings(command, ownPorts(flags))
  const { upstream: server, userHeader } = flags
  const agent = agentFor(server)
  const upstream = { server, host: undefined, options: () => ({ agent }) }
  await runProxy(configuration, flags, upstream, { api: 'longhorn', userHeader }, surroundings)
}
