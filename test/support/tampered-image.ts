import { randomUUID } from 'node:crypto'
import { execa } from 'execa'
import { onTestFinished } from 'vitest'
import type { Tampering } from './tampering.ts'

/** An image of hello with a change of its files or its config, as `docker commit` makes it; gone when the test ends. */
export async function tamperedImage({
  script = ':',
  command,
  changes = [],
}: Partial<Tampering>): Promise<string> {
  const name = `stillroom-test-${randomUUID()}`
  onTestFinished(async () => {
    await execa('docker', ['rm', '--force', name], { reject: false })
    await execa('docker', ['rmi', '--force', name], { reject: false })
  })
  // by standard input, so that the image's history does not have it
  const run = command ?? ['sh', '-eus']
  const container = ['--name', name, '--user', '0:0', '--network', 'none']
  await execa('docker', ['run', '--interactive', ...container, 'stillroom/hello', ...run], {
    input: script,
  })
  const cmd = 'CMD ["python3", "-m", "cowsay", "-t", "The same bytes, years later"]'
  const all = ['USER hello', cmd, ...changes].flatMap((change) => ['--change', change])
  await execa('docker', ['commit', ...all, name, name])
  return name
}
