import { readFile } from 'node:fs/promises'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import Ajv from 'ajv'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyText } from '../../test/support/any-text.ts'
import { rounds } from '../../test/support/nightly.ts'
import type { AuditResult } from '../audit/audit-report.ts'
import { RULES } from '../audit/rules.ts'
import { AUDIT_FORMATS, renderAudit, renderSbom } from './audit-formats.ts'

const sha256 = (digit: string) => digit.repeat(64)

const report: AuditResult = {
  reportVersion: 1,
  image: {
    reference: 'stillroom/hello',
    id: `sha256:${sha256('a')}`,
    diffIDs: [`sha256:${sha256('b')}`],
    size: 1000,
    tree: `sha256:${sha256('c')}`,
    entries: 20,
    config: {
      platform: 'linux/amd64',
      user: 'hello',
      workdir: '/home/hello',
      env: { PATH: '/usr/bin' },
      entrypoint: null,
      cmd: ['sh'],
      labels: {},
      ports: [],
      volumes: [],
    },
    os: { id: 'debian', version: '11' },
  },
  lock: {
    recipe: 'hello',
    path: 'recipes/hello/lock.json',
    platform: 'linux/amd64',
    image: `sha256:${sha256('d')}`,
  },
  trust: {
    files: 'rules',
    owners: 'package-lists',
    missingArtifacts: 1,
    byteCode: 'not-verified',
    layers: { read: 1, known: 2 },
    unclearDirectories: ['/srv/<a>'],
  },
  verdict: 'findings',
  packages: [
    {
      kind: 'deb',
      name: 'libstdc++6',
      version: '1:10.2.1-6',
      architecture: 'amd64',
      step: 'base',
      artifact: { file: 'libstdc++6_10.2.1-6_amd64.deb', size: 10, sha256: sha256('e') },
      license: 'GPL-3',
      files: 3,
    },
    {
      kind: 'git',
      name: 'opt/tool',
      version: '1'.repeat(40),
      step: null,
      origin: { url: 'https://git.example.org/tool' },
      files: 0,
    },
    {
      kind: 'npm',
      name: '@scope/part',
      version: '1.0.0',
      environment: 'usr/lib/node_modules',
      step: null,
      files: 2,
    },
    { kind: 'pypi', name: 'cowsay', version: '6.1', environment: 'usr/lib/python3', step: 'pip-2', files: 9 },
    { kind: 'pypi', name: 'cowsay', version: '6.1', environment: 'opt/venv', step: null, files: 9 },
  ],
  files: {
    account: {
      intact: { files: 10, bytes: 900 },
      modified: { files: 1, bytes: 50 },
      generated: { files: 2, bytes: 40 },
      unexplained: { files: 1, bytes: 10 },
    },
    explainedShare: 0.94,
    generated: [{ reason: 'byte code', files: 2, bytes: 40 }],
    unexplained: [{ path: '/opt/x', size: 10, sha256: sha256('f'), layer: 3 }],
    modified: [{ path: '/bin/sh', size: 50, sha256: sha256('0'), owner: 'deb/dash' }],
    changes: [
      {
        path: '/etc/motd',
        by: 'run-4',
        rule: 'file-modified',
        message: 'it differs from what deb/base-files brings',
        owner: 'deb/base-files',
      },
    ],
  },
  findings: [
    {
      rule: 'file-modified',
      severity: 'error',
      subject: '/bin/sh',
      message: 'the file differs from that of deb/dash',
      expected: sha256('1'),
      actual: sha256('0'),
      evidence: ['layer 3'],
    },
    {
      rule: 'package-extra',
      severity: 'error',
      subject: 'pypi/<b>&"|`x`',
      message: 'odd | name\nof two lines',
    },
    { rule: 'layer-extra', severity: 'note', subject: 'layer 3', message: 'the lockfile does not name it' },
  ],
  ignored: [
    {
      rule: 'credential',
      severity: 'error',
      subject: '/etc/key',
      message: 'a key',
      reason: 'a sample',
      until: '2027-01-01',
    },
  ],
  rules: Object.keys(RULES),
}

it('docs/schemas/audit-report.schema.json holds a report, and no other', async () => {
  const text = await readFile(new URL('../../docs/schemas/audit-report.schema.json', import.meta.url), 'utf8')
  const valid = new Ajv.default({ strict: false }).compile(JSON.parse(text))
  expect(valid(report), JSON.stringify(valid.errors)).toBe(true)
  expect(valid({ ...report, verdict: 'good' })).toBe(false)
  expect(valid({ ...report, extra: 1 })).toBe(false)
})

describe('renderAudit()', () => {
  it.each(AUDIT_FORMATS)('gives %s', async (format) => {
    await expect(await renderAudit(report, format)).toMatchFileSnapshot(`golden/audit.${format}.txt`)
  })

  it('makes no XML of what an image holds', async () => {
    await fc.assert(
      fc.asyncProperty(anyText(), anyText(), async (subject, message) => {
        const xml = await renderAudit(
          { ...report, findings: [{ rule: 'setuid', severity: 'error', subject, message }] },
          'junit',
        )
        // the same elements whatever is in them, and only characters that XML 1.0 has
        expect(xml.match(/<\/?\w+/g)?.join(' ')).toMatch(
          /^<testsuites <testsuite .*<\/testsuite <\/testsuites$/,
        )
        expect(xml.match(/<failure /g)).toHaveLength(1)
        expect(xml).not.toMatch(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u)
      }),
      { numRuns: rounds(20, 500) },
    )
  })

  it('breaks no table of Markdown, and stays below the limit of a comment by counting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (subject, message) => {
        const one = { rule: 'setuid', severity: 'error' as const, subject, message }
        const markdown = await renderAudit({ ...report, findings: [one], ignored: [] }, 'markdown')
        const rows = markdown.split('\n').filter((line) => line.startsWith('|'))
        expect(rows).toHaveLength(3)
        for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(7)
      }),
      { numRuns: rounds(20, 500) },
    )
    const many = Array.from({ length: 5000 }, (_, i) => ({
      rule: 'file-unexplained',
      severity: 'error' as const,
      subject: `/opt/${i}`,
      message: 'nobody owns it',
    }))
    const markdown = await renderAudit({ ...report, findings: many }, 'markdown')
    expect(markdown.length).toBeLessThan(65_536)
    expect(markdown).toContain('| file-unexplained | 5000 |')
  })
})

describe('renderSbom()', () => {
  it('gives CycloneDX that its own schema takes', async () => {
    const text = await renderSbom(report, 'cyclonedx', { created: '2026-11-21T00:00:00Z' })
    await expect(text).toMatchFileSnapshot('golden/sbom.cyclonedx.json')
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)
    expect(await validator.validate(text)).toBeNull()
    // each place of a package is a component of its own
    const { components } = JSON.parse(text) as { components: { name: string }[] }
    expect(components.filter(({ name }) => name === 'cowsay')).toHaveLength(2)
  })

  it('gives SPDX 2.3', async () => {
    const text = await renderSbom(report, 'spdx', { created: '2026-11-21T00:00:00Z' })
    await expect(text).toMatchFileSnapshot('golden/sbom.spdx.json')
    const document = JSON.parse(text) as {
      packages: { SPDXID: string }[]
      relationships: { relatedSpdxElement: string }[]
    }
    const ids = document.packages.map(({ SPDXID }) => SPDXID)
    expect(new Set(ids).size).toBe(report.packages.length + 1)
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/)
    expect(document.relationships.map(({ relatedSpdxElement }) => relatedSpdxElement).sort()).toEqual(
      ids.sort(),
    )
  })
})
