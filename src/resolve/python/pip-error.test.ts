import { describe, expect, test } from 'vitest'
import { pipError } from './pip-error.ts'

const UNKNOWN = 'ERROR: No matching distribution found for tiny-numbers'
const INDEX = 'https://someone:****@pypi.example.org/simple/tiny-numbers/'

describe('pipError()', () => {
  // of pip 20.3.4 and 23.2.1
  test.each([
    [
      'a login that is refused',
      `${UNKNOWN}\n`,
      `2026-01-01T00:00:00,000 Could not fetch URL ${INDEX}: 401 Client Error: Unauthorized for url: https://pypi.example.org/simple/tiny-numbers/ - skipping\n`,
      'https://***@pypi.example.org/simple/tiny-numbers/: 401 Client Error: Unauthorized',
    ],
    [
      'an index that is down',
      UNKNOWN,
      `2026-01-01T00:00:00,000 Could not fetch URL ${INDEX}: connection error: HTTPSConnectionPool(host='pypi.example.org', port=443): Max retries exceeded with url: /simple/tiny-numbers/ (Caused by ProtocolError('Connection aborted.')) - skipping`,
      "Caused by ProtocolError('Connection aborted.')",
    ],
    [
      'a file that is gone',
      'ERROR: HTTP error 404 while getting https://pypi.example.org/files/tiny_numbers-1.1-py3-none-any.whl (from https://pypi.example.org/simple/tiny-numbers/)',
      '',
      '404: https://pypi.example.org/files/tiny_numbers-1.1-py3-none-any.whl',
    ],
    [
      'a file server that is down',
      "ERROR: Exception:\nTraceback (most recent call last):\npip._vendor.requests.exceptions.RetryError: HTTPSConnectionPool(host='pypi.example.org', port=443): Max retries exceeded with url: /files/tiny_numbers-1.1-py3-none-any.whl (Caused by ResponseError('too many 503 error responses'))",
      '',
      'too many 503 error responses',
    ],
    [
      'other bytes than the index states',
      'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
      '',
      'DO NOT MATCH THE HASHES',
    ],
    [
      'a login page instead of an index',
      'json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)',
      '',
      'JSONDecodeError: Expecting value',
    ],
  ])('%s is no fault of the recipe', (_name, output, log, expected) => {
    const error = pipError(output, 'resolving tiny-numbers', log)
    expect(error).toMatchObject({ code: 'FETCH_FAILED', exitCode: 3 })
    expect(error.message).toContain(expected)
    expect(error.message).not.toContain('someone')
  })

  test('a project that an index does not have is', () => {
    const log = `Could not fetch URL ${INDEX}: 404 Client Error: Not Found for url: https://pypi.example.org/simple/tiny-numbers/ - skipping`
    expect(pipError(UNKNOWN, 'resolving tiny-numbers', log)).toMatchObject({
      code: 'PIP_PACKAGE_UNKNOWN',
      exitCode: 2,
    })
  })
})

/** The log of pip 20.3.4, which names no versions in its message. */
test.each([
  [
    'a project of which the index has only the source',
    'Skipping link: No sources permitted for tiny-numbers: https://pypi.example.org/files/tiny-numbers-1.0.tar.gz (from https://pypi.example.org/simple/tiny-numbers/)',
    /^only source is there \(tiny-numbers-1\.0\.tar\.gz\): .*"tiny-numbers": \['setuptools', 'wheel'\]/,
  ],
  [
    'a project that the index does not have',
    `Could not fetch URL ${INDEX}: 404 Client Error: Not Found for url: https://pypi.example.org/simple/tiny-numbers/ - skipping`,
    /^check the name/,
  ],
  [
    'a version that the index does not have',
    'Found link https://pypi.example.org/files/tiny_numbers-1.0-py3-none-any.whl (from https://pypi.example.org/simple/tiny-numbers/), version: 1.0',
    /^name a version/,
  ],
])('pipError() has a hint for %s, whatever pip found of others', (_, found, hint) => {
  const log = `1 location(s) to search for versions of other:
2026-11-28T13:07:14,941   Found link https://pypi.example.org/files/other-1.0-py3-none-any.whl, version: 1.0
1 location(s) to search for versions of tiny-numbers:
2026-11-28T13:07:14,941   ${found}
`
  const text = `ERROR: Could not find a version that satisfies the requirement tiny-numbers\n${UNKNOWN}\n`
  expect(pipError(text, 'resolving', log).hint).toMatch(hint)
})

/** What pips print when constraints leave no version that is required. */
test.each([
  [
    '20.3.4, of a package that another one requires',
    `Collecting requests==2.25.1
  Downloading requests-2.25.1-py2.py3-none-any.whl (61 kB)
Collecting chardet<5,>=3.0.2
  Downloading chardet-4.0.0-py2.py3-none-any.whl (178 kB)
ERROR: Could not find a version that satisfies the requirement urllib3<1.27,>=1.21.1 (from requests)
ERROR: No matching distribution found for urllib3<1.27,>=1.21.1
`,
    'PIP_PACKAGE_UNKNOWN',
    ['urllib3'],
  ],
  [
    '20.3.4, of one that the recipe asks for',
    `ERROR: Could not find a version that satisfies the requirement Typing_Extensions==4.1
ERROR: No matching distribution found for Typing_Extensions==4.1
`,
    'PIP_PACKAGE_UNKNOWN',
    ['typing-extensions'],
  ],
  [
    '23.2.1, one conflict at a time',
    `ERROR: Cannot install requests==2.25.1 because these package versions have conflicting dependencies.

The conflict is caused by:
    requests 2.25.1 depends on idna<3 and >=2.5
    The user requested (constraint) idna==3.20

To fix this you could try to:
1. loosen the range of package versions you've specified
2. remove package versions to allow pip attempt to solve the dependency conflict

ERROR: ResolutionImpossible: for help visit https://example.org/
`,
    'PIP_CONFLICT',
    ['idna'],
  ],
])('pipError() blames the package in the words of pip %s', (_, output, code, blamed) => {
  expect(pipError(output, 'resolving')).toMatchObject({ code, details: { blamed } })
})

// pip 23.0.1 and 20.3.4
test.each([
  [
    'a repository without git',
    "  Cloning https://example.org/x.git to /tmp/pip-install-x/x\nERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?\n",
  ],
  [
    'a repository that git cannot clone',
    '  Cloning https://me:s3cret@example.org/x.git (to revision main) to /tmp/pip-req-build-x\nERROR: Command errored out with exit status 128\n',
  ],
])('pipError() names %s as what no file can be pinned of', (_, said) => {
  const error = pipError(`Collecting x@ git+https://example.org/x.git\n${said}`, 'resolving y')
  expect(error).toMatchObject({ code: 'PIP_SOURCE_REFUSED', hint: expect.stringContaining('local') })
  expect(error.message).toContain('example.org/x.git')
  expect(error.message).not.toContain('s3cret')
})

// of pip 20.3.4 and 26.3
test.each([
  [
    "WARNING: Discarding https://someone:word@pypi.example.org/files/docutils-0.15.1-post1.tar.gz#sha256=f33d (from https://pypi.example.org/simple/docutils/) (requires-python:>=2.6, !=3.0.*). Requested docutils==0.15.1.post1 from https://someone:word@pypi.example.org/files/docutils-0.15.1-post1.tar.gz#sha256=f33d has different version in metadata: '0.15.1'",
    "docutils-0.15.1-post1.tar.gz: Requested docutils==0.15.1.post1 has different version in metadata: '0.15.1'",
  ],
  [
    "Discarding https://pypi.example.org/files/docutils-0.15.1-post1.tar.gz (from https://pypi.example.org/simple/docutils/): Requested docutils==0.15.1.post1 from https://pypi.example.org/files/docutils-0.15.1-post1.tar.gz has inconsistent version: expected '0.15.1.post1', but metadata has '0.15.1'",
    "docutils-0.15.1-post1.tar.gz: Requested docutils==0.15.1.post1 has inconsistent version: expected '0.15.1.post1', but metadata has '0.15.1'",
  ],
])('pipError() names a file that is not what its name says, with the reason', (line, expected) => {
  const output = `${line}\nERROR: Could not find a version that satisfies the requirement docutils==0.15.1.post1\nERROR: No matching distribution found for docutils==0.15.1.post1\n`
  const error = pipError(output, 'resolving docutils==0.15.1.post1')
  expect(error).toMatchObject({ code: 'PIP_PACKAGE_UNKNOWN', hint: 'name another version' })
  expect(error.message).toBe(
    `pip finds no file for docutils==0.15.1.post1 that it can use while resolving docutils==0.15.1.post1:\n  ${expected}`,
  )
})

describe('pipError() of a conflict about a project', () => {
  const conflict = `ERROR: Cannot install devito==4.8.23 and devito==4.8.22 because these package versions have conflicting dependencies.

The conflict is caused by:
    devito 4.8.23 depends on cgen<2026 and >=2020.1
    devito 4.8.22 depends on cgen>=2020.1

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/
`
  const source = (version: string) =>
    `  Link requires Skipping link: No sources permitted for cgen: https://index.example.org/files/cgen-${version}.tar.gz#sha256=00 (from https://index.example.org/simple/cgen/)\n`
  const wheel = (version: string) =>
    `    Found link https://index.example.org/files/cgen-${version}-py3-none-any.whl#sha256=00 (from https://index.example.org/simple/cgen/), version: ${version}\n`

  test('names the way to allow its source, when that alone would do', () => {
    const log = source('2018.1') + source('2020.1') + source('2025.1') + wheel('2019.1')
    expect(pipError(conflict, 'resolving devito', log)).toMatchObject({
      code: 'PIP_CONFLICT',
      hint: expect.stringMatching(
        /^only source is there of cgen-2020\.1\.tar\.gz, cgen-2025\.1\.tar\.gz: .*sdists: \{ "cgen": /,
      ),
    })
  })

  test.each([
    ['a wheel would do, too', source('2020.1') + wheel('2025.1')],
    ['no source would do', source('2018.1')],
  ])('names none when %s', (_, log) => {
    expect(pipError(conflict, 'resolving devito', log).hint).toBe(
      'loosen one of the requirements that pip names',
    )
  })
})
