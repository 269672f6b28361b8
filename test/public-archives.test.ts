import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { StillroomError } from '../src/error.ts'
import { LayerReader } from '../src/image/layer-reader.ts'
import { mergeLayers } from '../src/image/merge-layers.ts'
import { openImage } from '../src/image/open-image.ts'
import { type TreeRecord, treeRecords } from '../src/image/tree-digest.ts'
import { NIGHTLY } from './support/nightly.ts'

/*
 * Archives that other programs keep as test data: of images in every form, damaged ones, and tars that are no images. Each is
 * read or refused by a named error; what Docker loads is read, has Docker's image ID, and shows the files of a container.
 */

/** Modules of Go, with their sums as in a go.sum. */
const MODULES = {
  'github.com/anchore/stereoscope@v0.4.1': 'h1:7mxw24JCabbJIAcyvQDjBd2pbzo+0HSFVgjYlE8Zm+k=',
  'github.com/aquasecurity/trivy@v0.74.0': 'h1:B2/h1Aehsq/zykg0jxpWUlOX7e3UXpbxjZZs/0vNlC4=',
  'github.com/containers/image/v5@v5.36.2': 'h1:GcxYQyAHRF/pLqR4p4RpvKllnNL8mOBn0eZnqJbfTwk=',
  'github.com/docker/docker@v28.5.2+incompatible': 'h1:DBX0Y0zAjZbSrm1uzOkdr1onVghKaftjlSWt4AFexzM=',
  'github.com/google/go-containerregistry@v0.22.1': 'h1:RZuuSYhTvlDvtsK+NkutoCZ//C0X2ebLK8X8l3ULs84=',
  'github.com/google/osv-scalibr@v0.5.3': 'h1:LcXnN8MLhrQF9O4jrFP2mv3Ae1afO516t+3QdPpbhqM=',
  'github.com/regclient/regclient@v0.11.7': 'h1:Jsjlnd0ZQ2Blh0vaJtxJ0pU549VajvZ6BTL/4R7noMo=',
  'github.com/sylabs/sif/v2@v2.24.2': 'h1:rdkFf6z3xLC6yKweU7S9marlKfkS91Ht0ruIri6YWFY=',
  'github.com/vbatts/tar-split@v0.12.3': 'h1:Cd46rkGXI3Td4yrVNwU8ripbxFaQbmesqhjBUUYAJSw=',
  'github.com/wagoodman/dive@v0.13.2-0.20250516191726-d6c691947f8f':
    'h1:NtEruJHEQJ9cK5MDPEshOGQc01LEUyQE+c1hBD5gp3o=',
  'oras.land/oras-go/v2@v2.7.0': 'h1:0bXRBBSqYgPSjZRrhJbT71Rb465c+rdlft2xdQPxLtQ=',
}
const FILES = '**/{*.tar,*.tar.*,*.tgz,*.sif,*.img,oci-layout}'

const go = await execa('go', ['version'], { reject: false })
const reason = NIGHTLY
  ? go.exitCode !== 0 && 'there is no go to fetch them with'
  : 'it is left to the nightly tests'
if (reason) console.warn(`skipped: archives of other programs, since ${reason}`)

test.skipIf(reason)('public archives are read as Docker reads them, or refused by name', async () => {
  const archives = (await Promise.all(Object.entries(MODULES).map(archivesOf))).flat()
  expect(archives.length).toBeGreaterThan(150)
  const counts: Record<string, number> = {}
  for (const archive of archives) {
    const outcome = `${await readAs(archive)}, ${await loadAs(archive)}`
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  console.warn(counts)
  // of several images one has to be chosen
  expect(Object.keys(counts).filter((outcome) => /^refused.*, loaded/.test(outcome))).toEqual([
    'refused: The archive has N images, loaded',
  ])
})

async function archivesOf([module, sum]: [string, string]): Promise<string[]> {
  const env = { GOSUMDB: 'off', GOFLAGS: '-mod=mod' }
  const { stdout } = await execa('go', ['mod', 'download', '-json', module], { env, cwd: '/' })
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string }
  expect(Sum, module).toBe(sum)
  const paths: string[] = []
  for await (const path of glob(FILES, { cwd: Dir }))
    paths.push(join(Dir, path.replace(/\/?oci-layout$/, '')))
  return paths.sort()
}

let own: { id: string; records: TreeRecord[] } | undefined

/** What stillroom makes of it. */
async function readAs(archive: string): Promise<string> {
  own = undefined
  try {
    const { id, root } = await openImage({ signal: AbortSignal.timeout(60_000) }, archive)
    own = { id, records: [...treeRecords(root)] }
    return 'read'
  } catch (error) {
    if (!(error instanceof StillroomError)) throw new Error(`${archive}: no named error`, { cause: error })
    expect(error.code, archive).toMatch(/^IMAGE_/)
    return `refused: ${error.message.replace(/ \d+ /g, ' N ').replace(/".*|:.*/s, '')}`
  }
}

/** What Docker makes of it, with the same ID and files where stillroom read it. */
async function loadAs(archive: string): Promise<string> {
  const listed = await execa('tar', ['--list', '--file', archive], { reject: false })
  // some test readers of tar with files of gigabytes, which Docker would write to the disk first
  if (!/^(?:\.?\/)*(?:index\.json|manifest\.json|repositories)$/m.test(listed.stdout)) return 'not loaded'
  const loaded = await execa('docker', ['load', '--input', archive], { reject: false })
  if (loaded.exitCode !== 0) return 'not loaded'
  const name = /^Loaded image(?: ID)?: (\S+)/m.exec(loaded.stdout)?.[1]
  if (own !== undefined && name !== undefined) {
    const inspected = await execa('docker', ['image', 'inspect', '--format', '{{.Id}}', name])
    expect(own.id, archive).toBe(inspected.stdout)
    expect(own.records.filter(isShown).map(shown), archive).toEqual(
      (await filesOf(name)).filter(isShown).map(shown),
    )
  }
  if (name !== undefined) await execa('docker', ['image', 'rm', '--force', name])
  return 'loaded'
}

async function filesOf(image: string): Promise<TreeRecord[]> {
  const { stdout: container } = await execa('docker', ['create', image, 'command'])
  const { stdout } = await execa('docker', ['export', container], { encoding: 'buffer', maxBuffer: 1e9 })
  await execa('docker', ['rm', container])
  const reader = new LayerReader()
  reader.write(Buffer.from(stdout))
  reader.close()
  return [...treeRecords(mergeLayers([reader.entries]))]
}

/** What a container brings itself is not of its image. */
const isShown = ({ path }: TreeRecord) =>
  !/^(?:|dev(?:\/.*)?|proc|sys|etc|etc\/(?:hosts|hostname|resolv\.conf|mtab)|\.dockerenv)$/.test(path)

/** Engines make up the time of a directory that no layer gives. */
const shown = (record: TreeRecord) => (record.type === 'directory' ? { ...record, mtime: 0 } : record)
