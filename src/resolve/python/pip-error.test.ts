import { expect, test } from 'vitest'
import { pipError } from './pip-error.ts'

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
