import { expect, test } from 'vitest'
import { StillroomError } from '../error.ts'
import { describeError } from './describe-error.ts'
import { terminalProgress } from './terminal-progress.ts'

const URL_WITH_LOGIN = "https://me:it's-S3CRET@example.org/a?b=c"

test('describeError() shows no login of any address, wherever an error has it', () => {
  const error = new StillroomError('FETCH_FAILED', `cannot fetch ${URL_WITH_LOGIN}`, {
    hint: `ask ${URL_WITH_LOGIN}`,
    details: { url: URL_WITH_LOGIN, places: [{ [URL_WITH_LOGIN]: URL_WITH_LOGIN, status: 404 }] },
  })
  const described = describeError(error)
  expect(JSON.stringify(described)).not.toContain('S3CRET')
  expect(described.json).toMatchObject({ message: 'cannot fetch https://***@example.org/a?b=c' })
  expect(described.json.details).toMatchObject({ places: [{ status: 404 }] })
  expect(JSON.stringify(describeError(new Error(URL_WITH_LOGIN)))).not.toContain('S3CRET')
})

test('terminalProgress() shows no login of any address', () => {
  let shown = ''
  const { report } = terminalProgress({ write: (text) => (shown += text) })
  report({ kind: 'stage', title: URL_WITH_LOGIN })
  report({ kind: 'status', text: URL_WITH_LOGIN })
  report({ kind: 'note', text: URL_WITH_LOGIN })
  expect(shown.match(/\*\*\*/g)).toHaveLength(3)
  expect(shown).not.toContain('S3CRET')
})
