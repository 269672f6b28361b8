import { expect, test } from 'vitest'
import { parseRequirementsFile } from './requirements-file.ts'

test('parseRequirementsFile() reads what pip-compile and people write', () => {
  const text = `\ufeff# made by pip-compile
-r base.txt
--requirement=more/other.txt
-c constraints.txt
numpy==1.26.4 \\
    --hash=sha256:${'a'.repeat(64)} \\
    --hash=sha256:${'b'.repeat(64)}
    # via -r base.txt
six  # a comment
x @ https://example.org/x.zip#sha256=00
y[a,b]>=1 ; python_version < "3.9"\r

--require-hashes
`
  expect(parseRequirementsFile(text)).toEqual({
    requirements: [
      `numpy==1.26.4     --hash=sha256:${'a'.repeat(64)}     --hash=sha256:${'b'.repeat(64)}`,
      'six',
      'x @ https://example.org/x.zip#sha256=00',
      'y[a,b]>=1 ; python_version < "3.9"',
    ],
    includes: [
      { kind: 'requirements', path: 'base.txt' },
      { kind: 'requirements', path: 'more/other.txt' },
      { kind: 'constraints', path: 'constraints.txt' },
    ],
    problems: [],
  })
})

test.each([
  ['-i https://example.org/simple', /indexes are a setting/],
  ['--extra-index-url=https://example.org/simple', /indexes are a setting/],
  ['-fhttps://example.org', /indexes are a setting/],
  ['-e .', /local/],
  ['./vendor/x', /local/],
  ['--no-binary :all:', /sdists/],
  ['--pre', /pre-releases/],
  ['--use-feature=fast-deps', /not known/],
  ['numpy --global-option=x', /not a requirement/],
  ['x @ https://${TOKEN}@example.org/x.zip', /variables/],
])('parseRequirementsFile() refuses %j, and says why', (line, reason) => {
  expect(parseRequirementsFile(`six\n\n${line}\n`)).toMatchObject({
    requirements: ['six'],
    problems: [{ line: 3, reason: expect.stringMatching(reason) }],
  })
})
