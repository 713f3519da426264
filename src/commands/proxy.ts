import { Command } from 'commander'
import { pointUiCommand } from './point-ui.ts'
import { proxyKubernetesCommand } from './proxy-kubernetes.ts'
import { proxyLonghornCommand } from './proxy-longhorn.ts'
import type { CommandSurroundings } from './surroundings.ts'

/** `holdfast proxy`: the same checks where no webhook can see. */
export function proxyCommand(surroundings: CommandSurroundings): Command {
  return new Command('proxy')
    .description(
      'Stands in front of an API, passes everything on, and judges the writes that can crash or lose.',
    )
    .addCommand(proxyLonghornCommand(surroundings))
    .addCommand(proxyKubernetesCommand(surroundings))
    .addCommand(pointUiCommand(surroundings))
}
