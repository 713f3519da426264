import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { connectTo } from '../../kubernetes/client/connection.ts'
import { LiveMap } from '../../kubernetes/live-map.ts'
import type { StoryLog } from '../../page/story.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { defaultNamespace } from '../../server/guard-namespace.ts'
import { systemClock } from '../../time/clock.ts'
import { announcedReplicas } from '../guard/announced-address.ts'
import { FollowedGuard } from '../ui/followed-guard.ts'
import { livePage, servePage } from '../ui/live-page.ts'

/** The page that shows the story while it happens. */
interface StoryPage {
  readonly url: string
  /** The disks and copies that it shows. */
  readonly map: DiskMapView
  readonly close: () => Promise<void>
}

/**
 * Serves the page of an embedded cluster, before there is a guard and with it.
 *
 * @throws CannotListen, or the signal's reason
 */
export async function storyPage(sandbox: Sandbox, story: StoryLog, signal: AbortSignal): Promise<StoryPage> {
  const connection = connectTo(sandbox.api.url)
  const ended = new AbortController()
  const within = AbortSignal.any([signal, ended.signal])
  const guard = new FollowedGuard(async (asking, _note, isKnown) => {
    const addresses = await announcedReplicas(connection, defaultNamespace, asking)
    if (addresses.length === 0) throw new Error('no guard runs yet')
    return addresses.filter((url) => !isKnown(url)).map((url) => ({ name: url, url, close: () => undefined }))
  }, systemClock)
  const live = await LiveMap.open(connection, sandbox.namespace, signal)
  const following = guard.run(within)
  const source = { name: 'embedded cluster', namespace: sandbox.namespace, flags: '' }
  const page = await servePage(livePage({ live, source, guard, story, clock: systemClock }), 0)
  return {
    url: page.url,
    map: live.map,
    close: async () => {
      ended.abort(new Error('The page was ended.'))
      await Promise.all([page.close(), following, live.stop()])
      connection.close()
    },
  }
}
