import { expect, test } from 'vitest'
import { doctorTable } from './doctor-table.ts'

test('doctorTable() shows each finding on a line, with the way to fix it below', () => {
  const table = doctorTable({
    ok: false,
    findings: [
      { what: 'git', status: 'ok', found: '2.47.3' },
      { what: 'Docker Engine', status: 'missing', found: 'no answer\n\x1b[2J', mend: 'start Docker' },
    ],
  })
  expect(table).toBe(
    [
      'ok       git            2.47.3',
      'missing  Docker Engine  no answer [2J',
      '                        fix: start Docker',
      '',
      'Builds cannot work here yet: see what is missing.',
      '',
    ].join('\n'),
  )
})
