import { expect, test } from 'vitest'
import { parseChallenges } from './registry-login.ts'

test('parseChallenges() reads quoted and plain parameters of each scheme', () => {
  const bearer =
    'Bearer realm="https://auth.example/token?a=b,c",service="x \\"y\\"",scope=repository:a/b:pull'
  expect(parseChallenges(`${bearer}, Basic realm="r"`)).toEqual([
    {
      scheme: 'bearer',
      parameters: {
        realm: 'https://auth.example/token?a=b,c',
        service: 'x "y"',
        scope: 'repository:a/b:pull',
      },
    },
    { scheme: 'basic', parameters: { realm: 'r' } },
  ])
  expect(parseChallenges('Negotiate')).toEqual([{ scheme: 'negotiate', parameters: {} }])
})
