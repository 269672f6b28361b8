// Builds dist/: JavaScript bundled so that a command starts from few files, types by tsc, the data files beside them,
// and oclif's manifest, which lets a command start without loading the others. Types are checked by `npm run ok`.
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, relative } from 'node:path'
import { Config, Plugin } from '@oclif/core'
import { type Plugin as BundlerPlugin, rolldown } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'

const root = new URL('..', import.meta.url).pathname
const DATA = [
  'dockerfile/build-scripts',
  'engine/private/programs',
  'resolve/debian/keys',
  'workflows/project/templates',
]
/** With programs, WebAssembly or data of their own, or found by name at run time. */
const LEFT_OUT = /^(@cyclonedx\/|@napi-rs\/|openpgp|sql\.js|make-fetch-happen|stillroom$)/
/** Modules that load much and are seldom called, by the `require` of them: loaded when called. Saves 50 ms of a build. */
const LATE = new Map([
  ['docker-modem/lib/modem.js ./ssh', 'docker-modem/lib/ssh.js'],
  ['dockerode/lib/docker.js ./session', 'dockerode/lib/session.js'],
])

const commands = globSync('commands/**/*.ts', { cwd: `${root}src` }).filter((file) =>
  /^export default class/m.test(readFileSync(`${root}src/${file}`, 'utf8')),
)
// what is started by its address, beside the file that starts it
const names = [
  'index',
  'main',
  'image/digest-worker',
  'workflows/build/reduce-child',
  'workflows/project/recipe-child',
  'workflows/run/detached-child',
  ...commands.map((file) => file.slice(0, -'.ts'.length)),
]

rmSync(`${root}dist`, { recursive: true, force: true })
execFileSync(`${root}node_modules/.bin/tsc`, ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
})
const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(names.map((name) => [name, `src/${name}.ts`])),
  platform: 'node',
  external: LEFT_OUT,
  plugins: [keepModuleUrls(), loadLate(), orderPlainly(), getBuiltins()],
})
await bundle.write({ dir: 'dist', format: 'esm', chunkFileNames: 'chunks/[name]-[hash].js', minify: true })
for (const data of DATA) cpSync(`${root}src/${data}`, `${root}dist/${data}`, { recursive: true })

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

/** A module finds its data files, and its worker, from where it would lie if it weren't bundled. */
function keepModuleUrls(): BundlerPlugin {
  const source = `${root}src/`
  return {
    name: 'keep-module-urls',
    transform(code, id) {
      if (!id.startsWith(source) || !code.includes('import.meta.url')) return null
      const place = id.slice(source.length).replace(/\.ts$/, '.js')
      return code.replaceAll('import.meta.url', `MODULE_URL(${JSON.stringify(place)})`)
    },
    renderChunk(code, { fileName }) {
      return code.replace(/MODULE_URL\(["'`]([^"'`]+)["'`]\)/g, (_, id: string) => {
        return `new URL(${JSON.stringify(relative(dirname(fileName), id))},import.meta.url).href`
      })
    },
  }
}

function loadLate(): BundlerPlugin {
  return {
    name: 'load-late',
    resolveId(source, importer = '') {
      if (importer.startsWith('\0late:')) return { id: source, external: true }
      const key = `${importer.split('/node_modules/').at(-1)} ${source}`
      return LATE.has(key) ? `\0late:${key}` : null
    },
    load(id) {
      const path = LATE.get(id.slice('\0late:'.length))
      if (path === undefined) return null
      return `module.exports = (...args) => require(${JSON.stringify(path)})(...args)`
    },
  }
}

/**
 * oclif orders the names of commands, which are ASCII, by the rules of a language: the first comparison loads them, which
 * takes 10 ms of every command, an eighth of `--help`.
 */
function orderPlainly(): BundlerPlugin {
  return {
    name: 'order-plainly',
    transform(code, id) {
      if (!id.endsWith('/@oclif/core/lib/config/plugin.js')) return null
      const plain = code.replace('a.id.localeCompare(b.id)', '(a.id < b.id ? -1 : 1)')
      if (plain === code)
        throw new Error('@oclif/core has changed how it orders commands: is this still needed?')
      return plain
    },
  }
}

/**
 * Takes Node's own modules by `process.getBuiltinModule`: an `import` of one reads all its exports, among them getters
 * that load much more: 25 ms of an unchanged build.
 */
function getBuiltins(): BundlerPlugin {
  return {
    name: 'get-builtins',
    renderChunk(code) {
      let rest = code
      let taken = ''
      for (const { start, end, ...node } of parseAst(code).body.toReversed()) {
        if (node.type !== 'ImportDeclaration' || !isBuiltin(node.source.value)) continue
        const module = `globalThis.process.getBuiltinModule(${JSON.stringify(node.source.value)})`
        for (const { local, ...specifier } of node.specifiers) {
          const isNamed = specifier.type === 'ImportSpecifier'
          const name = isNamed ? code.slice(specifier.imported.start, specifier.imported.end) : 'default'
          taken += `const ${name === 'default' ? local.name : `{${name}:${local.name}}`}=${module};`
        }
        rest = rest.slice(0, start) + rest.slice(end)
      }
      return taken + rest
    },
  }
}
