// For a Node that is too old: goes on with the Node that was installed along with the package, or says what is needed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED = 22

/** The Node that npm installed as stillroom's own dependency, or undefined when it was left out. */
function ownNode() {
  const require = createRequire(import.meta.url)
  try {
    const file = require.resolve('node/package.json')
    const path = join(dirname(file), 'bin/node')
    return existsSync(path) && parseInt(require(file).version, 10) > NEEDED ? path : undefined
  } catch {
    return undefined
  }
}

function runBy(node) {
  const program = fileURLToPath(new URL('./run.js', import.meta.url))
  const child = spawn(node, [program].concat(process.argv.slice(2)), { stdio: 'inherit' })
  const forward = (signal) => child.kill(signal)
  // a terminal sends Ctrl-C to both processes, and anything else to neither
  process.on('SIGINT', (signal) => process.stdin.isTTY || process.stderr.isTTY || forward(signal))
  process.on('SIGTERM', forward)
  process.on('SIGHUP', forward)
  child.on('error', refuse)
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 3))
}

function refuse() {
  process.stderr.write(
    `stillroom needs Node 22.18 or newer, and this is Node ${process.versions.node}: install a newer one, or let npm ` +
      'install the one that stillroom brings (with optional dependencies and install scripts)\n',
  )
  process.exitCode = 3
}

const node = ownNode()
if (node === undefined) refuse()
else runBy(node)
