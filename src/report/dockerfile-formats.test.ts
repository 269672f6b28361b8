import { expect, test } from 'vitest'
import { checkDockerfile, summarizeCheck } from '../adopt/check/check-dockerfile.ts'
import { renderDockerfileCheck } from './dockerfile-formats.ts'

const findings = checkDockerfile('FROM debian:bookworm\nRUN \\\n  pip install --no-cache-dir six==1.16.0\n')
const check = summarizeCheck([
  { path: 'a b/Dockerfile', findings },
  { path: 'good\u001b[2J', findings: [] },
])

test('as text, a finding begins with its place', () =>
  expect(renderDockerfileCheck(check, 'text')).toMatchInlineSnapshot(`
    "a b/Dockerfile:1:6: error image-floating
      "debian:bookworm" is another image as soon as its tag is moved
      instead: debian:bookworm@sha256:<digest>, which "docker buildx imagetools inspect debian:bookworm" says

    a b/Dockerfile:3:3: warning pip-unhashed
      versions are named, but not what these packages require, nor the files
      instead: pip install --require-hashes -r <requirements with all hashes>

    verdict   FINDINGS: it will not be the same when it is built again
    findings  1 error, 1 warning
    "
  `))

interface Result {
  ruleId: string
  ruleIndex: number
  level: string
  locations: { physicalLocation: unknown }[]
}

test('as SARIF, a finding has its place, its rule and its level', () => {
  const [run] = JSON.parse(renderDockerfileCheck(check, 'sarif')).runs
  expect(run.properties).toEqual({ verdict: 'findings' })
  const results: Result[] = run.results
  expect(
    results.map(({ ruleId, ruleIndex, level, locations }) => [
      ...[ruleId, run.tool.driver.rules[ruleIndex].id, level, locations[0]?.physicalLocation],
    ]),
  ).toEqual([
    ['image-floating', 'image-floating', 'error', place(1, 6)],
    ['pip-unhashed', 'pip-unhashed', 'warning', place(3, 3)],
  ])
})

const place = (startLine: number, startColumn: number) => ({
  artifactLocation: { uri: 'a%20b/Dockerfile' },
  region: { startLine, startColumn },
})

test('the page has a section for every rule, and no other', async () => {
  const { readFileSync } = await import('node:fs')
  const { DOCKERFILE_RULES } = await import('../adopt/check/finding.ts')
  const page = readFileSync(new URL('../../docs/dockerfile-rules.md', import.meta.url), 'utf8')
  expect([...page.matchAll(/^## (.+)$/gm)].map(([, id]) => id)).toEqual(Object.keys(DOCKERFILE_RULES))
})
