import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { checkDockerfile, summarizeCheck } from './check-dockerfile.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const FROM = `FROM debian@${DIGEST}\n`
const HASH = `--hash=sha256:${'ab'.repeat(32)}`
/** Beside the Dockerfile. */
const FILES: Record<string, string> = {
  'locked.txt': `six==1.16.0 ${HASH}\n`,
  'exact.txt': 'six==1.16.0\nnumpy==1.26.4\n',
  'loose.txt': 'six==1.16.0\nnumpy>=1\n',
  'limits.txt': 'numpy==1.26.4\n',
  'deep/dev.txt': '-r ../loose.txt\n',
  'deep/all.txt': '-r base.txt\npytest==8.0.0\n',
  'deep/base.txt': 'numpy>=1\n',
}
const check = (text: string) => checkDockerfile(text, { contextFile: (path) => FILES[path] })
const rulesOf = (text: string) => [...new Set(check(text).map(({ rule }) => rule as string))].sort()

interface Labelled {
  instruction: string
  rules: string[]
}

function labelledLines(): Labelled[] {
  const text = readFileSync(new URL('labelled-lines.test-data.txt', import.meta.url), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, rules = '', instruction = ''] = /^(.*?) \| (.*)$/.exec(line) ?? []
      return {
        instruction: instruction.replaceAll('\\n', '\n').replaceAll('\\t', '\t'),
        rules: rules === '-' ? [] : rules.split(',').sort(),
      }
    })
}

describe('the labelled lines', () => {
  const lines = labelledLines()
  const judged = lines.map(({ instruction, rules }) => {
    const found = rulesOf(instruction.startsWith('FROM') ? instruction : FROM + instruction)
    return {
      instruction,
      right: found.filter((rule) => rules.includes(rule)),
      wrong: found.filter((rule) => !rules.includes(rule)),
      missed: rules.filter((rule) => !found.includes(rule)),
    }
  })
  const count = (of: (each: (typeof judged)[number]) => string[]) => judged.flatMap(of).length
  const right = count((each) => each.right)

  it('are at least 100', () => expect(lines.length).toBeGreaterThanOrEqual(100))

  it('precision and recall are not below what docs/dockerfile-rules.md states', () => {
    const page = readFileSync(new URL('../../../docs/dockerfile-rules.md', import.meta.url), 'utf8')
    const [, precision, recall] = /precision ([\d.]+) %, recall ([\d.]+) %/.exec(page) ?? []
    const off = judged.filter(({ wrong, missed }) => wrong.length > 0 || missed.length > 0)
    const shown = JSON.stringify(off, null, 1)
    expect((100 * right) / (right + count((each) => each.wrong)), shown).toBeGreaterThanOrEqual(
      Number(precision),
    )
    expect((100 * right) / (right + count((each) => each.missed)), shown).toBeGreaterThanOrEqual(
      Number(recall),
    )
  })

  it('the page states no less than what is so', () => {
    const page = readFileSync(new URL('../../../docs/dockerfile-rules.md', import.meta.url), 'utf8')
    const floor = (share: number) => Math.floor(share * 1000) / 10
    expect(page).toContain(
      `precision ${floor(right / (right + count((each) => each.wrong)))} %, recall ${floor(right / (right + count((each) => each.missed)))} %`,
    )
  })
})

test.each(globSync('generated/*/Dockerfile', { cwd: new URL('../../..', import.meta.url).pathname }))(
  'nothing is found in %s, which rebuilds to the byte',
  (path) => expect(check(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'))).toEqual([]),
)

describe('checkDockerfile()', () => {
  it('says where: behind continued lines and comments, in here-documents, within sh -c', () => {
    const text = `${FROM}RUN true \\\n  # why not\n  && pip install --no-cache-dir six\nRUN <<EOF\nset -e\n  date > /x\nEOF\nRUN sh -c 'uuidgen'\n`
    expect(check(text).map(({ rule, line, column }) => [rule, line, column])).toEqual([
      ['pip-unpinned', 4, 33],
      ['clock', 7, 3],
      ['random', 9, 11],
    ])
  })

  it('takes the values of ARG and ENV, and of --build-arg before them', () => {
    const text = `ARG TAG=3.11\nFROM python:$TAG\nARG SIX=six\nENV PIP_NO_CACHE_DIR=1\nRUN pip install $SIX`
    const of = (buildArgs: Record<string, string>) =>
      checkDockerfile(text, { buildArgs }).map(({ message }) => message)
    expect(of({})).toEqual([
      '"python:3.11" is another image as soon as its tag is moved',
      'a package without a version: six',
    ])
    expect(of({ TAG: `3.11@${DIGEST}`, SIX: 'six==1.16.0' })).toEqual([
      'versions are named, but not what these packages require, nor the files',
    ])
  })

  it('does not mind what stays in a stage that is no part of the image', () => {
    const apt = 'RUN apt-get update && apt-get install -y jq=1.6-2.1\n'
    expect(
      rulesOf(`FROM debian@${DIGEST} AS build\n${apt}FROM debian@${DIGEST}\nCOPY --from=build /a /b\n`),
    ).toEqual([])
    expect(rulesOf(`FROM debian@${DIGEST} AS build\n${apt}FROM build\n`)).toEqual(['cache-kept', 'log-kept'])
  })

  it('takes a checkout in a later RUN of the stage for that of the clone', () => {
    const commit = '0123456789abcdef0123456789abcdef01234567'
    expect(
      rulesOf(`${FROM}RUN git clone https://example.org/a.git /a\nWORKDIR /a\nRUN git checkout ${commit}`),
    ).toEqual([])
  })

  it('takes archives of one day for pinned', () => {
    const sources =
      'RUN echo "deb http://archive.example.org/debian/20240101T000000Z bookworm main" > /etc/apt/sources.list\n'
    const apt = 'RUN apt-get update && apt-get install -y jq && rm -rf /var/lib/apt/lists/* /var/log/apt\n'
    expect(rulesOf(FROM + sources + apt)).toEqual([])
  })

  it.each([
    ['COPY loose.txt /tmp/\nRUN pip install --no-cache-dir -r /tmp/loose.txt', ['pip-unpinned']],
    ['COPY deep /deep\nRUN pip install --no-cache-dir -r /deep/all.txt', ['pip-unpinned']],
    ['WORKDIR /w\nCOPY . .\nRUN pip install --no-cache-dir -r /w/exact.txt', ['pip-unhashed']],
    ['RUN pip install --no-cache-dir -r loose.txt -c limits.txt', ['pip-unhashed']],
    ['RUN pip install --no-cache-dir numpy -c limits.txt', ['pip-unhashed']],
    [
      'RUN --mount=type=bind,source=loose.txt,target=/tmp/r.txt pip install --no-cache-dir -r /tmp/r.txt',
      ['pip-unpinned'],
    ],
    ['RUN pip install --no-cache-dir -r exact.txt -c none.txt', ['pip-unhashed', 'unread']],
  ])('finds requirements and constraints where COPY puts them: %j', (lines, rules) =>
    expect(rulesOf(FROM + lines)).toEqual(rules),
  )

  it('shows no login', () => {
    const shown = JSON.stringify(check(`${FROM}RUN curl https://me:hunter2@example.org/x -o /x`))
    expect(shown).toContain('example.org/x')
    expect(shown).not.toContain('hunter2')
  })

  it.each([
    ['a script that no shell would run', 'RUN if true; then echo', "it is no end of 'if'"],
    ['another shell', 'SHELL ["powershell"]\nRUN Get-Date', ''],
    ['a program in a here-document', 'RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF', ''],
  ])('says that it could not read %s', (_, lines) => expect(rulesOf(FROM + lines)).toEqual(['unread']))

  it('without FROM it is inconclusive', () => {
    const findings = check('echo hello')
    expect(summarizeCheck([{ path: 'Dockerfile', findings }]).verdict).toBe('inconclusive')
  })
})
