import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { debianProgram } from '../world/debian-program.ts'
import { canHaveGoProgram, type GoProgram, goProgram } from './go-program.ts'

const BUILDKITD: GoProgram = {
  module: 'github.com/moby/buildkit',
  version: 'v0.34.2',
  sum: 'h1:fXgOe79JW5zJNDumRtwTemOklLX66otQokObUXuiGJo=',
  path: 'cmd/buildkitd',
  versionVariable: 'github.com/moby/buildkit/version.Version',
}

/** Why this machine can have no BuildKit of its own; `true` when it can. */
export async function canHaveBuildKit(): Promise<string | true> {
  if (process.platform !== 'linux') return 'this is not Linux'
  if (process.getuid?.() !== 0) return 'this is not root'
  const apt = await execa('sh', ['-c', 'command -v apt-get && command -v dpkg-deb'], { reject: false })
  if (apt.exitCode !== 0) return 'there is no apt-get'
  return canHaveGoProgram(BUILDKITD)
}

/** A BuildKit without an engine, newer than Docker's own, as a remote builder of buildx by that name. */
export async function startBuildKit(builder: string): Promise<{ stop: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'stillroom-buildkit-'))
  const address = `unix://${join(root, 'socket')}`
  const runc = await debianProgram('runc', 'usr/sbin/runc')
  const options = [
    '--oci-worker=true',
    '--containerd-worker=false',
    '--oci-worker-net=host',
    `--oci-worker-binary=${runc}`,
  ]
  const daemon = execa(
    await goProgram(BUILDKITD),
    ['--root', join(root, 'data'), '--addr', address, ...options],
    {
      reject: false,
      buffer: false,
    },
  )
  await said(daemon.stderr, 'running server on')
  await execa('docker', ['buildx', 'create', '--name', builder, '--driver', 'remote', address])
  return {
    stop: async () => {
      await execa('docker', ['buildx', 'rm', builder], { reject: false })
      daemon.kill('SIGTERM')
      await daemon
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function said(stream: NodeJS.ReadableStream, text: string): Promise<void> {
  const lines = createInterface({ input: stream })
  const told: string[] = []
  await Promise.race([
    new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        told.push(line)
        if (line.includes(text)) resolve()
      })
    }),
    once(lines, 'close').then(() => {
      throw new Error(`it ended before it said "${text}":\n${told.slice(-5).join('\n')}`)
    }),
  ])
}
