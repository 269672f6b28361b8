import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

/** Why this machine can have no BuildKit of its own; `true` when it can. */
export async function canHaveBuildKit(): Promise<string | true> {
  if (process.getuid?.() !== 0) return 'this is not root'
  for (const program of ['buildkitd', 'runc']) {
    const found = await execa('sh', ['-c', `command -v ${program}`], { reject: false })
    if (found.exitCode !== 0) return `there is no ${program} on PATH`
  }
  return true
}

/** A BuildKit without an engine, as a remote builder of buildx by that name. */
export async function startBuildKit(builder: string): Promise<{ stop: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'stillroom-buildkit-'))
  const address = `unix://${join(root, 'socket')}`
  const options = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-net=host']
  const daemon = execa('buildkitd', ['--root', join(root, 'data'), '--addr', address, ...options], {
    reject: false,
    buffer: false,
  })
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
