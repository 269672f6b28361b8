import { expect, test } from 'vitest'
import { StillroomError } from '../error.ts'
import { describeError } from './describe-error.ts'
import { plainProgress } from './plain-progress.ts'

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

test('plainProgress() shows no login of any address', () => {
  let shown = ''
  const { report } = plainProgress({ write: (text) => (shown += text) })
  report({ kind: 'stage', title: URL_WITH_LOGIN })
  report({ kind: 'status', text: URL_WITH_LOGIN })
  report({ kind: 'note', text: URL_WITH_LOGIN })
  expect(shown.match(/\*\*\*/g)).toHaveLength(3)
  expect(shown).not.toContain('S3CRET')
})

test('describeError() knows a full disk, whoever met it, and nothing else for one', () => {
  const enospc = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    path: '/x',
  })
  const quota = Object.assign(new Error('EDQUOT'), { code: 'EDQUOT' })
  for (const error of [
    enospc,
    new Error('writing', { cause: quota }),
    new StillroomError('GIT_FETCH_FAILED', 'git clone failed: fatal: write error: No space left on device'),
    new StillroomError('STEP_FAILED', 'failed', { cause: enospc }),
  ])
    expect(describeError(error)).toMatchObject({ exitCode: 3, json: { code: 'DISK_FULL' } })
  expect(describeError(enospc).json.message).toContain('/x')
  expect(describeError(new Error('no space')).json.code).toBe('BUG')
  expect(describeError(new StillroomError('STEP_FAILED', 'x')).json.code).toBe('STEP_FAILED')
})
