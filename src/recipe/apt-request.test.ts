import { expect, test } from 'vitest'
import { parseAptRequest } from './apt-request.ts'

test.each([
  ['jq', { name: 'jq' }],
  ['jq=1:1.6-2.1+b~1', { name: 'jq', version: '1:1.6-2.1+b~1' }],
  ['g++/bookworm-backports', { name: 'g++', suite: 'bookworm-backports' }],
])('parseAptRequest() reads %j', (word, request) => expect(parseAptRequest(word)).toEqual(request))
