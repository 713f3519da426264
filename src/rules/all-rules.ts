import { belowMinCopies } from './below-min-copies.ts'
import { cleanupDuringEviction } from './cleanup-during-eviction.ts'
import { copyInUse } from './copy-in-use.ts'
import { diskRemovalWithCopies } from './disk-removal-with-copies.ts'
import { evictionBudget } from './eviction-budget.ts'
import { evictUnreadyCopy } from './evict-unready-copy.ts'
import { evictionDuringCleanup } from './eviction-during-cleanup.ts'
import { firstFileDuringEviction } from './first-file-during-eviction.ts'
import { firstFileUnfinished } from './first-file-unfinished.ts'
import { imagesNowhere } from './images-nowhere.ts'
import { lastUsableCopy } from './last-usable-copy.ts'
import { lingeringEviction } from './lingering-eviction.ts'
import { noEvictionTarget } from './no-eviction-target.ts'
import type { Rule } from './rule.ts'

/** Every rule, in the order in which findings are told: crashes first, then losses, then what is merely unwise. */
export const allRules: readonly Rule[] = [
  evictionDuringCleanup,
  cleanupDuringEviction,
  firstFileDuringEviction,
  firstFileUnfinished,
  lastUsableCopy,
  evictUnreadyCopy,
  copyInUse,
  belowMinCopies,
  diskRemovalWithCopies,
  imagesNowhere,
  noEvictionTarget,
  lingeringEviction,
  evictionBudget,
]
