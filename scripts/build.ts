// Builds dist/: JavaScript and types by tsc, the data files beside them, and oclif's manifest, which lets a command
// start without loading the others.
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { Config, Plugin } from '@oclif/core'

const root = new URL('..', import.meta.url).pathname
rmSync(`${root}dist`, { recursive: true, force: true })
execFileSync(`${root}node_modules/.bin/tsc`, ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
})
for (const data of ['dockerfile/companions', 'resolve/debian/keys']) {
  cpSync(`${root}src/${data}`, `${root}dist/${data}`, { recursive: true })
}
const config = await Config.load({ root, devPlugins: false, userPlugins: false })
const plugin = new Plugin({
  root,
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
})
Object.assign(plugin, { config })
await plugin.load()
writeFileSync(`${root}oclif.manifest.json`, `${JSON.stringify(plugin.manifest, null, 2)}\n`)
writeFileSync(`${root}dist/.stamp`, '')
