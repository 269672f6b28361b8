import { fetchArtifacts } from '../fetch-artifacts.ts'
import { openStore } from '../store.ts'

/** A process of its own that fetches: arguments are the store, the server and the artifacts as JSON. */
const [directory = '', server = '', artifacts = '[]'] = process.argv.slice(2)
const report = await fetchArtifacts(JSON.parse(artifacts), {
  store: await openStore(directory),
  locate: async ({ file }) => [{ url: `${server}/${file}`, label: 'mirror' }],
})
process.stdout.write(JSON.stringify(report))
