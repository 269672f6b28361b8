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
