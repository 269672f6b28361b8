import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { canHaveGoProgram, goProgram } from './support/go-program.ts'
import { normalName } from './support/listed-packages.ts'
import { NIGHTLY } from './support/nightly.ts'
import { useScratchCache } from './support/scratch-cache.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { SYFT, SYFT_ENV } from './support/syft.ts'
import { tamperedImage } from './support/tampered-image.ts'
import { canHaveValidators, getValidators, type Validators } from './support/validators.ts'

/** What syft reports and an audit doesn't, by image; docs/audit.md says why of each. */
const ONLY_SYFT: Record<string, string[]> = { hello: [], 'fenics-tf': [] }

const ROOT = join(import.meta.dirname, '..')
const KINDS: Record<string, string> = { deb: 'deb', python: 'pypi' }

const syft = NIGHTLY ? await canHaveGoProgram(SYFT) : 'it is left to the nightly tests'
const validators = NIGHTLY ? await canHaveValidators() : 'it is left to the nightly tests'
if (syft !== true) console.warn(`skipped: audits against syft, since ${syft}`)
if (validators !== true)
  console.warn(`skipped: formats compared with validators of others, since ${validators}`)

useScratchCache()

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stillroom-peers-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

describe.skipIf(syft !== true)('audit image', () => {
  test.each(['hello', 'fenics-tf'])('finds all packages of %s that syft finds', async (recipe) => {
    await build(recipe)
    const archive = join(scratch, `${recipe}.tar`)
    await execa('docker', ['save', '--output', archive, `stillroom/${recipe}`])
    const found = await execa(await goProgram(SYFT), [`docker-archive:${archive}`, '-o', 'json'], {
      env: SYFT_ENV,
    })
    const { artifacts } = JSON.parse(found.stdout) as {
      artifacts: { type: string; name: string; version: string }[]
    }
    const theirs = artifacts.flatMap(({ type, name, version }) => {
      const kind = KINDS[type]
      return kind === undefined ? [] : [`${kind} ${kind === 'pypi' ? normalName(name) : name} ${version}`]
    })
    const report = await stillroomJson<AuditReport>(ROOT, ['audit', 'image', archive])
    await rm(archive)
    const ours = new Set(report.packages.map(({ kind, name, version }) => `${kind} ${name} ${version}`))
    expect(theirs.length).toBeGreaterThan(50)
    expect([...new Set(theirs)].filter((each) => !ours.has(each)).sort()).toEqual(ONLY_SYFT[recipe])
  })
})

describe.skipIf(validators !== true)('what an audit writes', () => {
  let tools: Validators
  beforeAll(async () => {
    tools = await getValidators()
  })

  test('is SARIF and JUnit by the schemas of others, with findings and without', async () => {
    await build('hello')
    const image = await tamperedImage({
      script: 'touch /usr/bin/x "/opt/<odd> & \\"name\\"" && rm /usr/lib/python3.11/ssl.py',
    })
    for (const [subject, exitCode] of [
      ['stillroom/hello', 0],
      [image, 1],
    ] as const) {
      for (const format of ['sarif', 'junit'] as const) {
        const output = join(scratch, `audit.${format}`)
        const lock = ['--lock', 'recipes/hello/lock.json', '--format', format, '--output', output]
        const audited = await stillroom(ROOT, ['audit', 'image', subject, ...lock])
        expect(audited.exitCode, audited.stderr).toBe(exitCode)
        await tools[format](output)
      }
    }
  })

  test.each(['hello', 'fenics-tf'])('of %s is CycloneDX 1.6 and SPDX 2.3', async (recipe) => {
    await build(recipe)
    const write = async (format: string) => {
      // the validator of SPDX goes by the name
      const output = join(scratch, `${recipe}.${format}.json`)
      const args = ['audit', 'recipe', recipe, '--sbom', format, '--output', output]
      const { exitCode, stderr } = await stillroom(ROOT, args)
      expect(exitCode, stderr).toBe(0)
      return output
    }
    const text = await readFile(await write('cyclonedx'), 'utf8')
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull()
    await tools.spdx(await write('spdx'))
  })
})

async function build(recipe: string): Promise<void> {
  const { exitCode, stderr } = await stillroom(ROOT, ['build', 'recipe', recipe])
  expect(exitCode, stderr).toBe(0)
}
