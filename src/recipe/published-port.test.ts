import { expect, test } from 'vitest'
import { formatPublished, parsePublished } from './published-port.ts'

test.each([
  ['8888', '127.0.0.1:8888:8888/tcp'],
  ['8080:80', '127.0.0.1:8080:80/tcp'],
  ['0:80/udp', '127.0.0.1:0:80/udp'],
  ['0.0.0.0:8080:80', '0.0.0.0:8080:80/tcp'],
  ['127.0.0.1:53/udp', '127.0.0.1:53:53/udp'],
  ['[::1]:8080:80/tcp', '[::1]:8080:80/tcp'],
])('parsePublished(%j)', (text, expected) => {
  const [port] = parsePublished(text) ?? []
  expect(port && formatPublished(port)).toBe(expected)
  expect(parsePublished(expected)).toEqual([port])
})

test('parsePublished() reads ranges of the same length', () => {
  expect(parsePublished('9000-9002:43643-43645')?.map(formatPublished)).toEqual([
    '127.0.0.1:9000:43643/tcp',
    '127.0.0.1:9001:43644/tcp',
    '127.0.0.1:9002:43645/tcp',
  ])
})

test.each([
  '',
  '80:',
  ':80',
  '0',
  '8080:0',
  '65536',
  '80-70',
  '1-2:1-3',
  '80/sctp',
  'localhost:80:80',
  '::1:80:80',
  '[127.0.0.1]:80:80',
  '300.0.0.1:1:1',
  '1.2.3:80:80',
  '80:80:80',
  ' 80',
  '80:80/tcp/udp',
  '1-2-3',
  '-80',
])('parsePublished(%j) is nothing', (text) => expect(parsePublished(text)).toBeUndefined())
