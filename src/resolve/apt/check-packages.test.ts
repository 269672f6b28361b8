import { expect, test } from 'vitest'
import { readVersions } from '../debian/read-packages.ts'
import { checkPackages } from './check-packages.ts'

const packages = readVersions([
  {
    archive: 'debian',
    suite: 'bookworm',
    packages: Buffer.from(
      [
        ['python3', '3.11.2-1+b1'],
        ['python3-numpy', '1:1.24.2-1'],
        ['python-is-python3', '3.11.2-1'],
        ['libssl3', '3.0.15-1'],
        ['openjdk-17-jdk', '17.0.13-1'],
        ['docker.io', '20.10.24-1'],
        ['docker-compose', '1.29.2-3'],
        ['postfix', '3.7.11-0', 'Provides: mail-transport-agent (= 1), x'],
        ['exim4-daemon-light', '4.96-15', 'Provides: mail-transport-agent'],
        ['fonts-freefont-otf', '20120503-10', 'Replaces: ttf-freefont (<< 2)'],
        ['jq', '1.6-2'],
        ['jq', '1.7-1'],
      ]
        .map(
          ([name, version, more = 'Section: x']) =>
            `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: pool/${name}.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n${more}\n`,
        )
        .join('\n'),
    ),
  },
])

const step = (...names: string[]) => ({ kind: 'apt' as const, packages: names, recommends: false })
const check = (...steps: string[][]) => {
  const placed = steps.map((names, index) => ({ index: 2 * index, step: step(...names) }))
  try {
    checkPackages(placed, packages)
  } catch (error) {
    return error as Error & { code: string; details: unknown }
  }
  return undefined
}

test('passes what the indexes have, in each of its versions', () => {
  expect(check(['python3', 'jq=1.6-2'], ['jq=1.7-1'])).toBeUndefined()
})

test.each([
  ['a typing error', 'pyhton3', 'python3'],
  ['another version in the name', 'libssl1.1', 'libssl3'],
  ['another version within the name', 'openjdk-11-jdk', 'openjdk-17-jdk'],
  ['the name of Python 2', 'python-numpy', 'python3-numpy'],
  ['a part of the name', 'docker', 'docker.io'],
  ['a package that was renamed', 'ttf-freefont', 'fonts-freefont-otf'],
])('finds what was meant by %s', (_, wrong, meant) => {
  expect(check([wrong])).toMatchObject({
    code: 'APT_PACKAGE_UNKNOWN',
    message: expect.stringContaining(`steps[0] "${wrong}": no index has it; nearest: ${meant}`),
  })
})

test('names all that is wrong in all steps at once, each with its step', () => {
  const error = check(['pyhton3', 'jq=1.5'], ['mail-transport-agent', 'zzzzzzzz'])
  expect(error).toMatchObject({ code: 'APT_PACKAGE_UNKNOWN' })
  expect(error?.message.split('\n').slice(1)).toEqual([
    '  steps[0] "pyhton3": no index has it; nearest: python3',
    '  steps[0] "jq=1.5": no index has this version; available: 1.7-1, 1.6-2',
    '  steps[2] "mail-transport-agent": is only provided by others: postfix, exim4-daemon-light',
    '  steps[2] "zzzzzzzz": no index has it',
  ])
})

test('a version alone that is not there has a code of its own', () => {
  expect(check(['jq=1.5'])).toMatchObject({ code: 'APT_VERSION_UNKNOWN' })
})

test('a package of another suite than is named is reported, with those that have it', () => {
  expect(check(['jq/bookworm'])).toBeUndefined()
  expect(check(['jq/bookworm-backports'])).toMatchObject({
    code: 'APT_VERSION_UNKNOWN',
    message: expect.stringContaining('no index of suite "bookworm-backports" has it; it is in bookworm'),
  })
})
