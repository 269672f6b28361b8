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

test('a package that the recipe could take is named with the line that takes it', () => {
  const other = (suite: string, component: string, ...names: [string, string][]) => ({
    ...{ suite, component },
    packages: readVersions([
      {
        archive: 'debian',
        suite,
        packages: Buffer.from(
          names
            .map(
              ([name, version]) =>
                `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: pool/${name}.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n`,
            )
            .join('\n'),
        ),
      },
    ]),
  })
  const indexes = [
    other('bookworm', 'contrib', ['zfs-dkms', '2.1']),
    other('bookworm', 'non-free', ['nvidia-smi', '525.1']),
    other('bookworm', 'non-free-firmware', ['firmware-iwlwifi', '2023']),
    other('bookworm-backports', 'main', ['jq', '1.8~bpo12+1'], ['meshtool', '2.0~bpo12+1']),
    other('bookworm-backports', 'contrib', ['zfs-dkms', '2.3~bpo12+1']),
  ]
  const told = (names: string[], more: object = {}) => {
    try {
      const base = { kind: 'debian' as const, suite: 'bookworm' as const, ...more }
      checkPackages([{ index: 0, step: step(...names) }], packages, { base, indexes })
    } catch (error) {
      const { message, hint } = error as { message: string; hint: string }
      return [
        ...message
          .split('\n')
          .slice(1)
          .map((line) => line.trim()),
        hint,
      ]
    }
    return []
  }
  expect(told(['nvidia-smi', 'zfs-dkms', 'pyhton3'], { components: ['non-free-firmware'] })).toEqual([
    'steps[0] "nvidia-smi": component "non-free" of bookworm has nvidia-smi 525.1, which the recipe does not take',
    'steps[0] "zfs-dkms": component "contrib" of bookworm has zfs-dkms 2.1, which the recipe does not take',
    'steps[0] "pyhton3": no index has it; nearest: python3',
    "write base: debian('bookworm', { components: ['contrib', 'non-free', 'non-free-firmware'] }) in the recipe",
  ])
  expect(told(['meshtool'])).toEqual([
    'steps[0] "meshtool": bookworm-backports has meshtool 2.0~bpo12+1, which the recipe does not take; ask for "meshtool/bookworm-backports"',
    "write base: debian('bookworm', { backports: true }) in the recipe",
  ])
  const asked = 'bookworm-backports has jq 1.8~bpo12+1, which the recipe does not take'
  const takesBackports = "write base: debian('bookworm', { backports: true }) in the recipe"
  for (const word of ['jq/bookworm-backports', 'jq=1.8~bpo12+1'])
    expect(told([word])).toEqual([`steps[0] "${word}": ${asked}`, takesBackports])
  expect(told(['zfs-dkms/bookworm-backports'])).toEqual([
    'steps[0] "zfs-dkms/bookworm-backports": component "contrib" of bookworm-backports has zfs-dkms 2.3~bpo12+1, which the recipe does not take',
    "write base: debian('bookworm', { components: ['contrib'], backports: true }) in the recipe",
  ])
  // what is nowhere is reported as before
  expect(told(['jq=1.5'])).toEqual([
    'steps[0] "jq=1.5": no index has this version; available: 1.7-1, 1.6-2',
    expect.stringContaining('name a version'),
  ])
})
