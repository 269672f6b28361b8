import { describe, expect, test } from 'vitest'
import { treeOf } from '../../../inventory/tree.test-data.ts'
import { wantedByAudit } from '../../wanted-by-audit.ts'
import { configProblem, templatesText } from './debconf.ts'

/** As dash, debconf and tzdata have theirs in Debian 11, cut short; of the last, the scripts alone answer. */
const SHELL = `Template: dash/sh
Type: boolean
Default: true
Description: Use dash as the default system shell (/bin/sh)?
 The system shell is the default command interpreter for shell scripts.
 .
 Using dash as the system shell will improve the system's overall
 performance. It does not alter the shell presented to interactive
 users.
Description-cs.UTF-8: Použít dash jako výchozí systémový shell (/bin/sh)?
 Systémový shell:
  * příkazový interpret
  * skriptů
 a nic jiného.
`
const PRIORITY = `Template: debconf/priority
Type: select
Choices: critical, high, medium, low
Choices-dz.UTF-8: ཚབས་ཆེན, མཐོ, འབྲིང་མ, དམའ
Default: high
Description: Ignore questions with a priority less than:
 a\\b


Template: debconf/title
Type: title
Description: Title
`
const AREAS = `Template: tzdata/Areas
Type: select
Choices: Africa, Etc
Description: Geographic area:
`

const TEMPLATES = `Name: dash/sh
Default: true
Description: Use dash as the default system shell (/bin/sh)?
Description-cs.utf-8: Použít dash jako výchozí systémový shell (/bin/sh)?
Extended_description: The system shell is the default command interpreter for shell scripts.\\n\\nUsing dash as the system shell will improve the system's overall performance. It does not alter the shell presented to interactive users.
Extended_description-cs.utf-8: Systémový shell:\\n * příkazový interpret\\n * skriptů\\na nic jiného.
Type: boolean
Owners: dash/sh

Name: debconf/priority
Choices: critical, high, medium, low
Choices-dz.utf-8: ཚབས་ཆེན, མཐོ, འབྲིང་མ, དམའ
Default: high
Description: Ignore questions with a priority less than:
Extended_description: a\\\\b
Type: select
Owners: debconf/priority

Name: debconf/title
Description: Title
Type: title
Owners: debconf/title

Name: tzdata/Areas
Choices: Africa, Etc
Description: Geographic area:
Type: select
Owners: tzdata/Areas

`

const CONFIG = `Name: dash/sh
Template: dash/sh
Value: true
Owners: dash

Name: debconf/priority
Template: debconf/priority
Value: low
Owners: debconf, debconf:all
Flags: seen
Variables:
 level = low
 other = 

Name: debconf/title
Template: debconf/title
Owners: debconf

Name: tzdata/Areas
Template: tzdata/Areas
Value: Etc
Owners: tzdata

`

const confmodule = '. /usr/share/debconf/confmodule\n'
const info = (name: string) => `var/lib/dpkg/info/${name}`
const tree = await treeOf(
  [
    [info('dash.templates'), SHELL],
    [info('dash.config'), `${confmodule}db_input high dash/sh || true\n`],
    [info('debconf:all.templates'), PRIORITY],
    [
      info('debconf:all.postinst'),
      `${confmodule}db_set debconf/priority low\ndb_subst debconf/priority level low\n`,
    ],
    [info('tzdata.templates'), AREAS],
    [info('tzdata.config'), `${confmodule}AREA="Etc"\ndb_set tzdata/Areas "$AREA"\n`],
    [info('unused.templates'), 'Template: unused/x\nType: note\nDescription: x\n'],
    [info('unused.postinst'), 'exit 0\n'],
  ],
  { keep: wantedByAudit },
)

const latin1 = (text: string) => Buffer.from(text).toString('latin1')

test('templatesText() is what debconf makes of the templates of packages that ask', () => {
  expect(Buffer.from(templatesText(tree), 'latin1').toString()).toBe(TEMPLATES)
})

describe('configProblem()', () => {
  test('takes defaults, what scripts answer in words, and no answer', () => {
    expect(configProblem(latin1(CONFIG), tree)).toBeUndefined()
    expect(configProblem(latin1(CONFIG.replace('Value: low\n', '')), tree)).toBeUndefined()
  })

  test.each([
    ['another answer than the default', 'Value: true', 'Value: false', 'no package answers "false"'],
    ['an answer that no script gives', 'Value: low', 'Value: medium', 'no package answers "medium"'],
    ['an answer that is no word of a script', 'Value: Etc', 'Value: Africa', 'no package answers "Africa"'],
    ['a variable that no script sets', 'level = low', 'level = high', 'gives "level" the value "high"'],
    ['an owner without the template', 'Owners: dash', 'Owners: dash, evil', 'not one of "evil"'],
    ['a template that no package has', 'Template: dash/sh', 'Template: x/y', 'no package has its template'],
    ['a question that no script asks', 'Name: dash/sh', 'Name: a/sh', 'no script asks it'],
    ['a question less', /Name: dash.*?\n\n/s, '', 'it lacks the question "dash/sh"'],
    ['a question twice', /Name: dash.*?\n\n/s, '$&$&', 'is not in its place'],
    ['another field', 'Owners: dash\n', 'Owners: dash\nExec: x\n', 'no question of debconf'],
    ['an end that is cut off', 'Owners: tzdata\n\n', 'Owners: tz', 'it is cut short'],
  ])('finds %s', (_, from, to, problem) => {
    expect(configProblem(latin1(CONFIG.replace(from, to)), tree)).toContain(problem)
  })
})
