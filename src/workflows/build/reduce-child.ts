// `reduce-child CACHE PID`: started by the build PID at its end, see reduce-build-cache.ts; the engine is in the environment. It
// ends when another process builds, and leaves the rest to the process that is started at the end of that.
import { dropUselessRecords } from '../../engine/build-cache.ts'
import { connectEngine } from '../../engine/connect.ts'
import { emptyCache } from '../../store/cache-users.ts'

const [cache = '', parent] = process.argv.slice(2)
const engine = await connectEngine({ start: false })
// who begins to build waits until the record is gone: the builder may have found it a moment before
const whileAlone = async (remove: () => Promise<void>) => {
  await using emptying = await emptyCache(cache, Number(parent))
  if (emptying.users.length > 0) return false
  await remove()
  return true
}
// the containerd store does not say which records are layers of images
if (engine.store === 'graph' && (await whileAlone(async () => {})))
  await dropUselessRecords(engine, whileAlone)
