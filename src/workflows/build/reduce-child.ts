// `reduce-child CACHE PID`: started by the build PID at its end, see reduce-build-cache.ts; the engine is in the environment. It
// ends when another process begins to build, and leaves the rest to the process that is started at the end of that.
import { dropUselessRecords } from '../../engine/build-cache.ts'
import { connectEngine } from '../../engine/connect.ts'
import { otherUsers } from '../../store/cache-users.ts'

const [cache = '', parent] = process.argv.slice(2)
const isAlone = async () => (await otherUsers(cache, Number(parent))).length === 0
const engine = await connectEngine({ start: false })
// the containerd store does not say which records are layers of images
if (engine.store === 'graph' && (await isAlone())) await dropUselessRecords(engine, isAlone)
