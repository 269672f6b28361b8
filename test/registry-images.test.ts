import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { ociFiles, tarOf } from '../src/image/image-archive.test-data.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { runWithPeak } from './bench/peak.ts'
import { commandLine, failure, stillroom, stillroomJson } from './support/stillroom.ts'
import { composeImage, composeIndex } from './world/oci-image.ts'
import { startRegistry } from './world/registry.ts'

/*
 * Images are read straight from a registry (Debian's docker-registry), with the login that Docker has for it and without an
 * engine: there is none where these tests run.
 */

const LOGIN = { user: 'me', password: 'correct-horse-battery' }

test('audit image and diff images read from a registry, with the login of this machine, and without an engine', async () => {
  const registry = await startRegistry({ login: { ...LOGIN, kind: 'token' } })
  onTestFinished(() => registry.close())
  const layers = [
    await tarOf([
      { name: 'etc/', type: 'directory' },
      { name: 'etc/issue', content: 'below' },
    ]),
    await tarOf([{ name: 'etc/issue', content: 'above' }]),
  ]
  const image = await composeImage({ layers })
  const arm = await composeImage({
    layers: [layers[0] as Buffer],
    platform: { os: 'linux', architecture: 'arm64' },
  })
  const digest = await registry.push(composeIndex([image, arm]), 'team/app', '1')
  const directory = await temporaryDirectory()
  await writeFile(join(directory, 'same.tar'), await tarOf(ociFiles(layers)))
  await mkdir(join(directory, 'docker'))
  const auth = Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')
  await writeFile(
    join(directory, 'docker/config.json'),
    JSON.stringify({ auths: { [registry.host]: { auth } } }),
  )
  const env = { DOCKER_CONFIG: join(directory, 'docker') }
  const name = `docker://${registry.host}/team/app`

  const { exitCode, stdout, stderr } = await stillroom(directory, ['audit', 'image', `${name}:1`, '--json'], {
    env,
  })
  expect([0, 1], stderr).toContain(exitCode)
  const report = JSON.parse(stdout) as AuditReport
  expect(report.image).toMatchObject({ reference: `${name}:1`, id: image.imageId })
  expect(`${stdout}${stderr}`).not.toContain(LOGIN.password)
  const byDigest = await stillroom(directory, ['audit', 'image', `${name}@${digest}`, '--json'], { env })
  expect(JSON.parse(byDigest.stdout).image).toMatchObject({ id: image.imageId, tree: report.image.tree })

  const same = await stillroom(directory, ['diff', 'images', `${name}:1`, 'same.tar'], { env })
  expect(same.stdout, same.stderr).toContain('different: 0 files')
  const args = ['audit', 'image', `${name}:1`, '--platform', 'linux/arm64']
  const other = await stillroomJson<AuditReport>(directory, args, { env })
  expect(other.image.id).toBe(arm.imageId)

  expect(await failure(directory, ['audit', 'image', `${name}:2`], { env })).toMatchObject({
    exitCode: 2,
    code: 'REGISTRY_IMAGE_UNKNOWN',
  })
  expect(await failure(directory, ['audit', 'image', `${name}:1`])).toMatchObject({
    exitCode: 3,
    code: 'REGISTRY_LOGIN_REFUSED',
  })
})

test('the memory that an audit from a registry takes does not grow with the files of an image', async () => {
  const registry = await startRegistry()
  onTestFinished(() => registry.close())
  const directory = await temporaryDirectory()
  const peakOf = async (megabytes: number) => {
    const layer = await tarOf([{ name: 'opt/data', content: 'x'.repeat(megabytes * 1e6) }])
    const name = `team/data-${megabytes}`
    await registry.push(await composeImage({ layers: [layer], compression: 'none' }), name, '1')
    const command = [process.execPath, commandLine(), 'audit', 'image', `docker://${registry.host}/${name}:1`]
    // no package brings the file
    const { peakMiB } = await runWithPeak(command, { cwd: directory, exitCodes: [0, 1] })
    return peakMiB
  }
  const [small, large] = [await peakOf(100), await peakOf(400)]
  expect(large / small, `${small} and ${large} MiB`).toBeLessThan(1.25)
})
